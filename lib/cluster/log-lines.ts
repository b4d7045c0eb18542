import { isoTime } from "../clock.ts";
import { withoutKeys } from "../job/callback-key.ts";
import type { LogLine } from "../job/record.ts";
import { excerpt } from "../stage/failure.ts";

const LINE_LENGTH = 200;

/**
 * Lines of a container's output as a job's record keeps them.
 *
 * @param text with a time before each line, as the API gives it with `timestamps`
 */
export const tailOf = (text: string): LogLine[] =>
  text.split("\n").flatMap((line) => {
    const [, time = "", message = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
    const at = Date.parse(time);
    if (Number.isNaN(at)) return [];
    return [{ at: isoTime(at), level: "info" as const, message: excerpt(withoutKeys(message), LINE_LENGTH) }];
  });
