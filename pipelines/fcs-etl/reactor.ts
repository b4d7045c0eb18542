import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { PipelineJob } from "millrace/job";
import { runBatchJob } from "./batch.ts";

/**
 * What reacts to a sample: makes a job, lets a batch system do the work and report it, and tells what became of it.
 *
 *     npx millrace dev pipelines/fcs-etl
 *     npx node pipelines/fcs-etl/reactor.ts [--lenient] [--url URL] [FILE]
 */
const { values, positionals } = parseArgs({
  options: { lenient: { type: "boolean", default: false }, url: { type: "string" } },
  allowPositionals: true,
});
const [file = "node_modules/fcs/test/testdata/AriaFile1.fcs"] = positionals;

// Before there is a job: of a file that is not there nobody could report.
const bytes = await readFile(file).catch((error: Error) => {
  process.stderr.write(`error: ${error.message}\n`);
  return process.exit(1);
});

const job = await new PipelineJob(
  {
    pipeline: "fcs-etl",
    stage: "etl",
    belongsTo: ["UW_BIOFAB", "Yeast-Gates", "sample.uw_biofab.133737/A2"],
    parameters: { file, lenient: values.lenient },
  },
  values.url === undefined ? {} : { url: values.url },
).setup();
print(`${job.id}  ${job.status}  ${job.path}`);

if (job.status === "CREATED") {
  // It was made before, and never submitted: its first key is made void by the next.
  if (job.callback === undefined) await job.renewKey();
  await runBatchJob({
    file,
    bytes,
    lenient: values.lenient,
    notify: job.callback ?? "",
    archive: (name, content) => job.archive(name, content),
  });
}

for await (const { event, at, data } of job.follow())
  print(data === undefined ? `${at}  ${event}` : `${at}  ${event}  ${JSON.stringify(data)}`);
print(job.status ?? "");
if (job.status !== "FINISHED") process.exitCode = 1;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
