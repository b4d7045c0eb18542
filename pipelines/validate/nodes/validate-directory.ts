import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { XMLParser, XMLValidator } from "fast-xml-parser";

/**
 * Checks one folder of a bundle: each label (PDS4-like XML) names a product file and its MD5. A program by KDP's
 * contract: it reads the bucket by itself, with the credentials and endpoints of its environment, writes its report to
 * the output bucket, and a summary to kdp_output.json. A folder with faults is a result, not a failure.
 */
interface Input {
  readonly input_bucket: string;
  readonly output_bucket: string;
  readonly prefix: string;
}

interface Fault {
  readonly product: string;
  readonly type: string;
}

const { input_bucket, output_bucket, prefix } = JSON.parse(readFileSync("kdp_input.json", "utf8")) as Input;
const s3 = new S3Client({});

const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: input_bucket, Prefix: prefix }));
const keys = Contents.map(({ Key = "" }) => Key);
const labels = keys.filter((key) => key.endsWith(".xml"));
const faults = (await Promise.all(labels.map(faultsOf))).flat();

const failed = new Set(faults.map(({ product }) => product)).size;
const report = `${prefix}validation-report.json`;
await s3.send(
  new PutObjectCommand({
    Bucket: output_bucket,
    Key: `results/validate/${report}`,
    Body: JSON.stringify(faults),
  }),
);
writeFileSync(
  "kdp_output.json",
  JSON.stringify({
    allValid: failed === 0,
    report,
    summary: {
      validationSummary: {
        totalErrors: faults.length,
        totalWarnings: 0,
        messageTypes: [...new Set(faults.map(({ type }) => type))].sort(),
      },
      productsValidated: labels.length,
      passCount: labels.length - failed,
      failCount: failed,
    },
  }),
);

async function faultsOf(label: string): Promise<Fault[]> {
  const fault = (type: string): Fault[] => [{ product: label, type }];
  const xml = (await read(label)).toString("utf8");
  if (XMLValidator.validate(xml) !== true) return fault("error.label.malformed");
  const { Product_Observational: product } = new XMLParser().parse(xml) as {
    Product_Observational?: { File?: { file_name?: string; md5_checksum?: string } };
  };
  const { file_name = "", md5_checksum = "" } = product?.File ?? {};
  const file = keys.find((key) => basename(key) === file_name);
  if (file === undefined) return fault("error.file.missing");
  const md5 = createHash("md5")
    .update(await read(file))
    .digest("hex");
  return md5 === md5_checksum ? [] : fault("error.checksum.mismatch");
}

async function read(key: string): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: input_bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
