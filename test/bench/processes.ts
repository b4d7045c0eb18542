import { readdirSync, readFileSync } from "node:fs";

/** The processes of this machine, as /proc shows them; of those that end meanwhile, nothing. */

/** The environments of those that have this variable. */
export const environmentsWith = (variable: string): Record<string, string>[] =>
  filesOf("environ").flatMap(({ text }) => {
    if (!text.includes(`${variable}=`)) return [];
    return [Object.fromEntries(text.split("\0").map((entry) => entry.split(/=(.*)/s, 2)))];
  });

/** Peak memory in MiB of those whose command line has a word that ends so; and the word behind it. */
export const peaksOf = (program: string): { readonly word: string; readonly mebibytes: number }[] =>
  filesOf("cmdline").flatMap(({ pid, text }) => {
    const words = text.split("\0");
    const index = words.findIndex((word) => word.endsWith(program));
    const [, kibibytes] = (index >= 0 && /VmHWM:\s+(\d+)/.exec(textOf(pid, "status"))) || [];
    if (kibibytes === undefined) return [];
    return [{ word: words[index + 1] ?? "", mebibytes: Math.round(Number(kibibytes) / 1024) }];
  });

const filesOf = (name: string): { pid: string; text: string }[] =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => ({ pid, text: textOf(pid, name) }));

function textOf(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
