import type { Command } from "commander";
import { defectLine, findDefinitions, loadDefinitions } from "../../lib/definition/files.ts";
import { EXIT, print, printableLines, printJson, styled } from "./terminal.ts";
import { counted } from "./text.ts";

export function addValidate(program: Command): void {
  program
    .command("validate")
    .description("check definitions; report every defect at once")
    .argument("[path...]", "files or folders (default: pipelines)")
    .option("--json", "print { ok, defects }")
    .action((paths: string[], { json = false }: { json?: boolean }) => {
      const { definitions, defects } = loadDefinitions(findDefinitions(paths));
      const ok = defects.length === 0;
      if (json) printJson({ ok, defects });
      else {
        for (const defect of defects) print(printableLines(defectLine(defect)));
        const names = definitions.map(({ pipeline }) => pipeline.id).join(", ");
        print(ok ? `${styled("green", "ok")}: ${names}` : styled("red", counted(defects.length, "defect")));
      }
      process.exitCode = ok ? EXIT.done : EXIT.input;
    });
}
