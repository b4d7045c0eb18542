import type { Measurements } from "./fcs.ts";

/** What becomes of measurements: a table with a row for each event, and a summary of it. */

/** A line of names, and one for each event. */
export function csvOf({ parameters, present, values }: Measurements): string {
  const width = parameters.length;
  const rows = Array.from({ length: present }, (_, row) =>
    values.subarray(row * width, (row + 1) * width).join(","),
  );
  return [parameters.map(quoted).join(","), ...rows, ""].join("\n");
}

const quoted = (name: string): string => (/[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);

export interface Summary {
  readonly cytometer: string;
  readonly declared: number;
  readonly present: number;
  /** By parameter, to three decimals. */
  readonly means: Readonly<Record<string, number>>;
}

export function summaryOf({ cytometer, parameters, declared, present, values }: Measurements): Summary {
  const mean = (column: number): number => {
    let sum = 0;
    for (let index = column; index < values.length; index += parameters.length) sum += values[index] ?? 0;
    return Math.round((sum / present) * 1000) / 1000;
  };
  const means = Object.fromEntries(parameters.map((name, column) => [name, mean(column)]));
  return { cytometer, declared, present, means };
}
