/** Files of one level, by what they are called. */
export interface LevelPatterns {
  readonly level: string;
  /** `*.csv`; see {@link matchesGlob}. */
  readonly patterns: readonly string[];
}

/**
 * The level of a file: that of the first patterns that fit, in the order of the definition.
 *
 * @param name relative to the archive path. A pattern without `/` is held against what follows its last `/`
 * @returns undefined when none fits
 */
export function levelOf(name: string, levels: readonly LevelPatterns[]): string | undefined {
  const base = name.slice(name.lastIndexOf("/") + 1);
  return levels.find(({ patterns }) =>
    patterns.some((pattern) => matchesGlob(pattern.includes("/") ? name : base, pattern)),
  )?.level;
}

/**
 * `*` stands for any characters but `/`, `?` for one of them, `**` for any at all; everything else for itself. Names come
 * from strangers and a regular expression can be made to crawl, so that this is a loop: it takes at most the product of both
 * lengths.
 */
export function matchesGlob(name: string, pattern: string): boolean {
  const chars = [...name];
  /** Places in the name up to which the pattern so far may reach. */
  let reached = new Set([0]);
  for (const step of pattern.match(/\*\*|./gsu) ?? []) {
    reached = step.startsWith("*") ? behindAny(reached, chars, step) : behindOne(reached, chars, step);
  }
  return reached.has(chars.length);
}

function behindAny(from: ReadonlySet<number>, chars: readonly string[], step: string): Set<number> {
  const reached = new Set<number>();
  let isOpen = false;
  for (let place = 0; place <= chars.length; place += 1) {
    isOpen ||= from.has(place);
    if (isOpen) reached.add(place);
    if (step === "*" && chars[place] === "/") isOpen = false;
  }
  return reached;
}

function behindOne(from: ReadonlySet<number>, chars: readonly string[], step: string): Set<number> {
  const fits = (char = "/"): boolean => (step === "?" ? char !== "/" : char === step);
  return new Set(
    [...from].filter((place) => place < chars.length && fits(chars[place])).map((place) => place + 1),
  );
}
