import { invalidArgument, S3Error } from "./errors.ts";
import { limits } from "./limits.ts";
import { document, element } from "./xml.ts";
import { childOf, childrenOf, parseXml, textOf } from "./xml-parse.ts";

/** In the order given. */
export type Tags = [key: string, value: string][];

/** Reads an `x-amz-tagging` header: `a=1&b=2`, URL-encoded. */
export const tagsOfHeader = (header: string | undefined): Tags =>
  header === undefined ? [] : checkTags([...new URLSearchParams(header)]);

/** @throws MalformedXML or InvalidTag */
export function tagsOfDocument(text: string): Tags {
  const tagSet = childOf(parseXml(text, "Tagging"), "TagSet");
  if (tagSet === undefined) throw new S3Error("MalformedXML", "<Tagging> must hold a <TagSet>.");
  return checkTags(
    childrenOf(tagSet, "Tag").map((tag) => [textOf(tag, "Key") ?? "", textOf(tag, "Value") ?? ""]),
  );
}

export const tagsDocument = (tags: Tags): string =>
  document(
    "Tagging",
    element(
      "TagSet",
      tags.map(([key, value]) => element("Tag", element("Key", key), element("Value", value))),
    ),
  );

function checkTags(tags: Tags): Tags {
  if (tags.length > limits.objectTags) {
    throw new S3Error(
      "InvalidTag",
      `Object tags cannot be greater than ${limits.objectTags}: ${tags.length} given`,
    );
  }
  for (const [key, value] of tags) {
    if (key.length < 1 || key.length > limits.tagKeyLength) {
      throw new S3Error("InvalidTag", `The TagKey you have provided is invalid: ${key}`);
    }
    if (value.length > limits.tagValueLength) {
      throw new S3Error("InvalidTag", `The TagValue you have provided is invalid: ${value}`);
    }
  }
  if (new Set(tags.map(([key]) => key)).size < tags.length) {
    throw new S3Error("InvalidTag", "Cannot provide multiple Tags with the same key");
  }
  return tags;
}

/**
 * Whether a copy takes something from its source or from the request (`x-amz-metadata-directive`,
 * `x-amz-tagging-directive`).
 *
 * @throws InvalidArgument
 */
export function replaces(headers: ReadonlyMap<string, string>, directive: string): boolean {
  const given = headers.get(directive) ?? "COPY";
  if (given !== "COPY" && given !== "REPLACE") throw invalidArgument(`Unknown ${directive}: ${given}`);
  return given === "REPLACE";
}
