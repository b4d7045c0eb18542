import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandWork } from "../../../lib/stage/command.ts";
import { folder, shell } from "./shell.ts";
import { ATTEMPT, failureIn, outputsOf, surroundings, TOKEN } from "./trying.ts";

const ECHO = "cat kdp_input.json > kdp_output.json";

test("a program finds its token in a file and in the environment, and its output goes on", async () => {
  expect(await outputsOf(shell(ECHO))).toEqual([{ data: { text: "one two" }, objects: [] }]);
  expect(await outputsOf(shell('printf %s "$KDP_INPUT" > kdp_output.json'))).toEqual([
    { data: { text: "one two" }, objects: [] },
  ]);
});

test("a token without data is null", async () => {
  const attempt = { ...ATTEMPT, token: { ...TOKEN, data: null } };
  expect(await outputsOf(shell(ECHO), attempt)).toEqual([{ data: null, objects: [] }]);
});

test("what is too large for a variable is in the file alone", async () => {
  const data = "x".repeat(120_000);
  const attempt = { ...ATTEMPT, token: { ...TOKEN, data } };
  const script = `printf '{"variable":%s,"bytes":%s}' "\${#KDP_INPUT}" "$(wc -c < kdp_input.json)" > kdp_output.json`;
  expect(await outputsOf(shell(script), attempt)).toEqual([
    { data: { variable: 0, bytes: 120_002 }, objects: [] },
  ]);
});

test("each token has a fresh folder, which is gone afterwards", async () => {
  const script = `files=$(ls -A); printf '["%s","%s"]' "$(pwd -P)" "$files" > kdp_output.json`;
  const [first, second] = [await outputsOf(shell(script)), await outputsOf(shell(script))];
  const [one, two] = [first, second].map(([output]) => output?.data as [path: string, files: string]);
  expect(one![0]).not.toBe(two![0]);
  expect(one![1]).toBe("kdp_input.json");
  expect([existsSync(one![0]), existsSync(two![0])]).toEqual([false, false]);
});

test("the folder of a program that failed is gone, too", async () => {
  const { log } = await failureIn(shell("pwd -P; exit 1")(ATTEMPT, surroundings()));
  expect(log).toHaveLength(1);
  expect(existsSync(log[0]!.replace("info ", ""))).toBe(false);
});

test("the environment: the stage's own, its secrets, and who the token is", async () => {
  const script = `printf '["%s","%s","%s","%s","%s","%s"]' "$MODE" "$PASSPHRASE" "$MILLRACE_TOKEN" "$MILLRACE_ATTEMPT" "$MILLRACE_IDEMPOTENCY_KEY" "$MILLRACE_STAGE_DIRECTORY" > kdp_output.json`;
  const work = shell(script, { env: { MODE: "fast", PASSPHRASE: "from env" }, secrets: ["gpg"] });
  expect((await outputsOf(work))[0]?.data).toEqual([
    "fast",
    "tell nobody",
    TOKEN.id,
    "1",
    ATTEMPT.job,
    "/srv/pipelines/scans",
  ]);
});

test("no secret can pretend to be the token", async () => {
  const around = { ...surroundings(), secrets: { get: async () => ({ MILLRACE_TOKEN: "forged" }) } };
  const work = shell(`printf '"%s"' "$MILLRACE_TOKEN" > kdp_output.json`, { secrets: ["s"] });
  expect((await outputsOf(work, ATTEMPT, around))[0]?.data).toBe(TOKEN.id);
});

test("a secret that cannot be had fails the attempt before the program starts", async () => {
  const ran = join(folder(), "ran");
  const around = {
    ...surroundings(),
    secrets: { get: () => Promise.reject(new Error("there is no such secret")) },
  };
  const { failure } = await failureIn(shell(`touch ${ran}`, { secrets: ["s"] })(ATTEMPT, around));
  expect(`${failure.reason}: ${failure.message}`).toBe("error: there is no such secret");
  expect(existsSync(ran)).toBe(false);
});

test("paths of the definition's folder can be given to the program", async () => {
  const work = commandWork({
    command: ["sh", "-c", `printf '"%s"' "$1" > kdp_output.json`, "sh", "$MILLRACE_STAGE_DIRECTORY/stages/x"],
    acceptExitCodes: [0],
    directory: "/srv/pipelines/scans",
    env: {},
    secrets: [],
  });
  expect((await outputsOf(work))[0]?.data).toBe("/srv/pipelines/scans/stages/x");
});

test("an exit code that is accepted is a success", async () => {
  const work = shell(`${ECHO}; exit 3`, { acceptExitCodes: [0, 3] });
  expect(await outputsOf(work)).toHaveLength(1);
});

test.for([
  ["an exit code that is not", "echo broken >&2; exit 3", "sh ended with exit code 3 (accepted: 0): broken"],
  ["an exit code, in silence", "exit 1", "sh ended with exit code 1 (accepted: 0)"],
  ["the end by a signal", "kill -9 $$", "sh was ended by SIGKILL (accepted: 0)"],
] as const)("%s is a failure", async ([, script, message]) => {
  const { failure } = await failureIn(shell(script)(ATTEMPT, surroundings()));
  expect([failure.reason, failure.message]).toEqual(["exit", message]);
});

test("zero is no success where only others are accepted", async () => {
  const { failure } = await failureIn(shell(ECHO, { acceptExitCodes: [3] })(ATTEMPT, surroundings()));
  expect(failure.message).toBe("sh ended with exit code 0 (accepted: 3)");
});

test("a program that cannot be started", async () => {
  const around = surroundings();
  const work = shell("", { command: ["/nowhere/at-all"] });
  const { failure } = await failureIn(work(ATTEMPT, around));
  expect([failure.reason, failure.message]).toEqual([
    "exit",
    "cannot start /nowhere/at-all: spawn /nowhere/at-all ENOENT",
  ]);
  expect(around.clock.waiting).toBe(0);
});

test("the end of 100 kB of complaints is kept, and nobody waits for the rest to be read", async () => {
  const script = "head -c 100000 /dev/zero | tr '\\0' x >&2; printf end >&2; exit 1";
  const { failure } = await failureIn(shell(script)(ATTEMPT, surroundings()));
  expect(failure.reason).toBe("exit");
  expect(failure.message).toMatch(/^sh ended with exit code 1 \(accepted: 0\): x{1997}end$/);
});

test("the lines of the standard output are the token's log, also those of a failure", async () => {
  const around = surroundings();
  const { log } = await shell(`printf 'one\\n\\ntw'; sleep 0.05; printf 'o\\nthree'; ${ECHO}`)(
    ATTEMPT,
    around,
  );
  expect(log.map(({ level, message }) => `${level} ${message}`)).toEqual([
    "info one",
    "info two",
    "info three",
  ]);
  expect((await failureIn(shell("echo one; exit 1")(ATTEMPT, around))).log).toEqual(["info one"]);
});
