import { closest, distance } from "fastest-levenshtein";

/** "did you mean …?", or what is allowed when nothing is near. */
export function suggest(word: string, allowed: readonly string[]): string {
  if (allowed.length === 0) return "there is none to choose from";
  const nearest = closest(word, [...allowed]);
  const near =
    distance(word.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, Math.floor(word.length / 3));
  return near ? `did you mean "${nearest}"?` : `allowed: ${allowed.join(", ")}`;
}
