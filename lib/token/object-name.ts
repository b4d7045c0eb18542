/** No way out of the prefix that a name is put behind, and nothing that a terminal would obey. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNSAFE = /^\/|(^|\/)\.{0,2}(\/|$)|[\u0000-\u001f\u007f]/;

/** What is wrong with a name that somebody else has chosen for an object, to be a part of its key; if anything is. */
export const nameDefect = (name: string): string | undefined =>
  name === "" || UNSAFE.test(name)
    ? `"${name}" cannot be an object's name: no empty, "." or ".." steps`
    : undefined;
