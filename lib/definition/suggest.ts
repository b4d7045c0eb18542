import { closest, distance } from "fastest-levenshtein";

/** Words that are compared, and that are listed. Thousands of mistakes among thousands of names would take minutes. */
const COMPARED = 300;
const LISTED = 20;

/** "did you mean …?", or what is allowed when nothing is near. */
export function suggest(word: string, allowed: readonly string[]): string {
  if (allowed.length === 0) return "there is none to choose from";
  const nearest = closest(word, allowed.slice(0, COMPARED));
  const near = distance(word.toLowerCase(), nearest.toLowerCase()) <= Math.ceil(word.length / 3);
  if (near) return `did you mean "${nearest}"?`;
  const more = allowed.length - LISTED;
  return `allowed: ${allowed.slice(0, LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
