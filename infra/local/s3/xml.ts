/** A piece of XML text that is already escaped. */
export interface Xml {
  readonly xml: string;
}

type Content = Xml | string | number | boolean | readonly Xml[];

/** An element; `undefined` content gives nothing at all, an empty string gives an empty element. */
export function element(name: string, ...content: (Content | undefined)[]): Xml {
  if (content.length === 1 && content[0] === undefined) return { xml: "" };
  return { xml: `<${name}>${content.map(render).join("")}</${name}>` };
}

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** A whole response document in S3's namespace. */
export function document(root: string, ...content: (Content | undefined)[]): string {
  const inner = content.map(render).join("");
  return `${XML_DECLARATION}<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${root}>`;
}

function render(content: Content | undefined): string {
  if (content === undefined) return "";
  if (typeof content === "object") {
    return "xml" in content ? content.xml : content.map((piece) => piece.xml).join("");
  }
  return escapeText(String(content));
}

const entities = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
]);

/**
 * Control characters go out as numeric references, as S3 does it. XML 1.0 forbids most of them even so, but the SDKs
 * read them; `encoding-type=url` is the way that every client can read.
 */
const escapeText = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys may hold control characters
  text.replace(/[&<>"\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/g, (character) => {
    return entities.get(character) ?? `&#x${character.charCodeAt(0).toString(16)};`;
  });
