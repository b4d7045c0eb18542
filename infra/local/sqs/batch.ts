import { SqsError } from "./errors.ts";
import type { FaultInjector } from "./faults.ts";
import { type Input, objects, optionalText } from "./input.ts";
import { limits } from "./limits.ts";

const ENTRY_ID = /^[\w-]{1,80}$/;

/**
 * The entries of a batch request.
 *
 * @throws SqsError if there are none or more than ten, or their ids are not valid or not distinct: the whole request fails
 */
export function batchEntries(input: Input): readonly Input[] {
  const entries = objects(input, "Entries");
  if (entries.length === 0) {
    throw new SqsError("EmptyBatchRequest", "There should be at least one Entry in the request.");
  }
  if (entries.length > limits.batchEntries) {
    const message = `Maximum number of entries per request are ${limits.batchEntries}. You have sent ${entries.length}.`;
    throw new SqsError("TooManyEntriesInBatchRequest", message);
  }
  const ids = new Set<string>();
  for (const entry of entries) {
    const id = optionalText(entry, "Id") ?? "";
    if (!ENTRY_ID.test(id)) {
      throw new SqsError(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
      );
    }
    if (ids.has(id)) throw new SqsError("BatchEntryIdsNotDistinct", `Id ${id} repeated.`);
    ids.add(id);
  }
  return entries;
}

/** Does the work for each entry; one that is refused does not hinder the others. */
export function eachEntry(
  entries: readonly Input[],
  faults: FaultInjector,
  work: (entry: Input) => object,
): { Successful: object[]; Failed: object[] } {
  const Successful: object[] = [];
  const Failed: object[] = [];
  for (const entry of entries) {
    const { Id } = entry;
    try {
      if (faults.failsEntry) throw new SqsError("InternalError", "A fault switch made this entry fail.");
      Successful.push({ Id, ...work(entry) });
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      Failed.push({ Id, SenderFault: error.isSenderFault, Code: error.queryCode, Message: error.message });
    }
  }
  return { Successful, Failed };
}
