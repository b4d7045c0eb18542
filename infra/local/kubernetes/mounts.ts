import { join } from "node:path";
import type { Container } from "./objects.ts";

/**
 * Where a container's paths are on this machine. A process that is no container sees the machine's own file system, and
 * `/scratch/in` is not there; so wherever such a path stands in the container's command, arguments, environment or working
 * directory it is replaced by the folder that stands in for the mount. A program that is told its paths (`$(INPUT)`,
 * `$INPUT`, an argument) thus works unchanged; one that has them written in its own code does not.
 *
 * The volumes of a pod are the same folders for all its containers, so a path that one writes into a file is good for the
 * next.
 */
export interface Paths {
  /** The text with every path of the container replaced. */
  localize(text: string): string;
  /** The same for the value of a variable, but JSON is data, and stays what it is. */
  localizeValue(text: string): string;
}

/** What ends the name that a path begins with: `/in` is part of `/in/a` and of `/in:/out`, not of `/inner`. */
const BEFORE = "(?<![A-Za-z0-9_.\\-/])";
const AFTER = "(?![A-Za-z0-9_.\\-])";

export function pathsOf(container: Container, volumes: string, terminationLog: string): Paths {
  const mounts = (container.volumeMounts ?? []).map(({ name, mountPath, subPath = "" }): [string, string] => [
    mountPath.replace(/(?<=.)\/+$/, ""),
    join(volumes, name, subPath),
  ]);
  const all = new Map([
    ...mounts,
    [container.terminationMessagePath ?? "/dev/termination-log", terminationLog],
  ]);
  // The longest first: a mount may lie within another.
  const alternatives = [...all.keys()].sort((a, b) => b.length - a.length).map(escaped);
  const pattern = new RegExp(`${BEFORE}(?:${alternatives.join("|")})${AFTER}`, "g");
  const localize = (text: string): string => text.replace(pattern, (path) => all.get(path) ?? path);
  return { localize, localizeValue: (text) => (/^\s*[[{"]/.test(text) ? text : localize(text)) };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
