/** How durations and sizes are written in a definition. */

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
export const DURATION = /^(\d+(?:\.\d+)?)(s|m|h|d)$/;

const MEBIBYTES = { Mi: 1, Gi: 1024 } as const;
export const MEMORY = /^(\d+(?:\.\d+)?)(Mi|Gi)$/;

function parse<Unit extends string>(text: string, form: RegExp, units: Record<Unit, number>): number {
  const [, amount, unit] = form.exec(text) ?? [];
  if (amount === undefined || unit === undefined) throw new Error(`"${text}" does not match ${form}`);
  return Number(amount) * units[unit as Unit];
}

/** `"2m"` → 120. The text must match {@link DURATION}. */
export const seconds = (duration: string): number => parse(duration, DURATION, SECONDS);

/** `"8Gi"` → 8192, `512` → 512. A text must match {@link MEMORY}; a bare number counts mebibytes. */
export const mebibytes = (memory: string | number): number =>
  typeof memory === "number" ? memory : parse(memory, MEMORY, MEBIBYTES);

export const CPU = /^(\d+)m$/;

/** `"500m"` → 500, `4` → 4000: thousandths of a core. A text must match {@link CPU}. */
export const millicores = (cpu: string | number): number =>
  typeof cpu === "number" ? Math.ceil(cpu * 1000) : Number.parseInt(cpu, 10);
