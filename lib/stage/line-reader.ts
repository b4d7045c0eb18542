/** Characters after which a line is logged though it goes on. */
const LINE_MAX = 10_000;

/** Makes lines of a program's output, however it was cut into chunks. Empty lines are left out. */
export function lineReader(say: (line: string) => void): { push(text: string): void; end(): void } {
  let rest = "";
  const speak = (line: string): void => {
    if (line !== "") say(line);
  };
  return {
    push: (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) speak(line);
      if (rest.length > LINE_MAX) {
        speak(rest);
        rest = "";
      }
    },
    end: () => speak(rest),
  };
}
