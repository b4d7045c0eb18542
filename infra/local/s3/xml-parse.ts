import { S3Error } from "./errors.ts";

/** An element of a request document. Namespaces and attributes carry nothing in S3's documents and are dropped. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  /** The text directly inside, references resolved, blanks kept: an object's key may begin with one. */
  text: string;
}

export const childrenOf = (parent: XmlElement, name: string): XmlElement[] =>
  parent.children.filter((child) => child.name === name);

export const childOf = (parent: XmlElement, name: string): XmlElement | undefined =>
  parent.children.find((child) => child.name === name);

export const textOf = (parent: XmlElement, name: string): string | undefined => childOf(parent, name)?.text;

/** One token: a comment, CDATA, a processing instruction, a tag, or the text up to the next `<`. */
const token =
  /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\?[\s\S]*?\?>|<(\/?)([\w.:-]+)((?:"[^"]*"|'[^']*'|[^<>"'])*?)(\/?)>|([^<]+)/y;

/**
 * Reads a request document whose root has the given name.
 *
 * A document type declaration is refused, so there are no entities to expand and nothing outside to fetch.
 *
 * @throws MalformedXML
 */
export function parseXml(text: string, rootName: string): XmlElement {
  const top: XmlElement = { name: "", children: [], text: "" };
  const open = [top];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    const parent = open.at(-1);
    if (match === null || parent === undefined) throw malformed("not well-formed");
    const [, cdata, slash, tagName, , selfClosing, characters] = match;
    if (cdata !== undefined) parent.text += cdata;
    else if (characters !== undefined) parent.text += resolveReferences(characters);
    else if (tagName !== undefined) step(open, localName(tagName), slash === "/", selfClosing === "/");
  }
  const [root] = top.children;
  if (open.length !== 1 || top.children.length !== 1 || root === undefined || top.text.trim() !== "") {
    throw malformed("not one complete element");
  }
  if (root.name !== rootName) throw malformed(`<${rootName}> expected, <${root.name}> found`);
  return root;
}

/** Applies one tag to the stack of open elements. */
function step(open: XmlElement[], name: string, closes: boolean, selfClosing: boolean): void {
  if (closes) {
    if (open.length === 1 || open.pop()?.name !== name) throw malformed(`unexpected </${name}>`);
    return;
  }
  const opened: XmlElement = { name, children: [], text: "" };
  open.at(-1)?.children.push(opened);
  if (!selfClosing) open.push(opened);
}

const localName = (name: string): string => name.slice(name.indexOf(":") + 1);

const named = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

function resolveReferences(text: string): string {
  // A conforming reader turns literal line ends into \n before anything else; a \r can only come as a reference.
  return text.replace(/\r\n?/g, "\n").replace(/&([^;&]*);?/g, (whole, reference: string) => {
    const number = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(reference);
    if (number === null) {
      const character = named.get(reference);
      if (character === undefined || !whole.endsWith(";")) throw malformed(`unknown reference ${whole}`);
      return character;
    }
    const code = number[1] ? Number.parseInt(number[1], 16) : Number(number[2]);
    if (code > 0x10ffff) throw malformed(`unknown reference ${whole}`);
    return String.fromCodePoint(code);
  });
}

const malformed = (problem: string): S3Error =>
  new S3Error(
    "MalformedXML",
    `The XML you provided was not well-formed or did not validate against our published schema: ${problem}`,
  );
