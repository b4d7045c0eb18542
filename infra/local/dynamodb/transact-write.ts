import type { Clock } from "../../../lib/clock.ts";
import { type ActionStore, runAction } from "./actions.ts";
import type { ClientTokens } from "./client-tokens.ts";
import { itemBytes } from "./item-size.ts";
import type { Input } from "./model.ts";
import type { Operation } from "./operation.ts";
import {
  errorName,
  isServiceError,
  type ServiceError,
  serviceError,
  validationError,
} from "./service-error.ts";
import { itemKeyOf, type Step, stepOf, stepTypes } from "./transact-step.ts";
import { type Types, validated } from "./validation.ts";

const maxTransactionBytes = 4 * 1024 * 1024;

const types: Types = {
  ClientRequestToken: { type: "String", lengthGreaterThanOrEqual: 1, lengthLessThanOrEqual: 36 },
  TransactItems: {
    type: "List",
    notNull: true,
    lengthGreaterThanOrEqual: 1,
    lengthLessThanOrEqual: 100,
    children: { type: "ValueStruct<TransactWriteItem>", children: stepTypes },
  },
};

interface TransactWriteItems {
  ClientRequestToken?: string;
  TransactItems: Record<string, Input>[];
}

/** Why a step could not be done, or that it could. In the order of the steps. */
interface CancellationReason {
  Code: "None" | "ConditionalCheckFailed" | "ValidationError";
  Message?: string;
  /** The item that failed the condition, if the step asked for it. */
  Item?: unknown;
}

function reasonOf(error: ServiceError): CancellationReason {
  const name = errorName(error);
  if (name === "ResourceNotFoundException") throw error;
  const { Item } = error.body;
  const Code = name === "ConditionalCheckFailedException" ? "ConditionalCheckFailed" : "ValidationError";
  return { Code, Message: error.message, ...(Item !== undefined && { Item }) };
}

function attempt(store: ActionStore, { action, request }: Step): CancellationReason {
  try {
    runAction(action, store, request);
    return { Code: "None" };
  } catch (thrown) {
    if (isServiceError(thrown)) return reasonOf(thrown);
    throw thrown;
  }
}

const cancelled = (reasons: CancellationReason[]): ServiceError =>
  serviceError(
    "TransactionCanceledException",
    "Transaction cancelled, please refer cancellation reasons for specific reasons " +
      `[${reasons.map((reason) => reason.Code).join(", ")}]`,
    { CancellationReasons: reasons },
  );

interface Target {
  tableName: string;
  itemKey: string;
}

/** The items that the steps are about. @throws ServiceError when two steps are about one item */
function targetsOf(store: ActionStore, steps: Step[]): Target[] {
  const targets = new Map<string, Target>();
  for (const step of steps) {
    const { tableName } = step;
    const itemKey = itemKeyOf(store.catalog.get(tableName).description, step);
    if (itemKey === undefined) continue;
    if (targets.has(`${tableName}/${itemKey}`)) {
      throw validationError("Transaction request cannot include multiple operations on one item");
    }
    targets.set(`${tableName}/${itemKey}`, { tableName, itemKey });
  }
  return [...targets.values()];
}

function refuseTooLarge(store: ActionStore, targets: Target[]): void {
  const bytes = targets.reduce((sum, { tableName, itemKey }) => {
    const item = store.items.get(tableName, itemKey);
    return sum + (item ? itemBytes(item) : 0);
  }, 0);
  if (bytes > maxTransactionBytes)
    throw validationError("Transaction request exceeds the size limit of 4 MB");
}

/**
 * All steps or none. Since they are about different items, no step sees another's effect, so each is simply attempted
 * in turn; if one cannot be done the caller's transaction is rolled back, with the reasons of all of them.
 *
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export function transactWrite(store: ActionStore, tokens: ClientTokens, clock: Clock): Operation {
  return (input) => {
    const request = validated(input, { types }) as unknown as TransactWriteItems;
    const token = request.ClientRequestToken;
    if (token !== undefined && tokens.isRepeated(token, request.TransactItems, clock.now())) return {};
    const steps = request.TransactItems.map(stepOf);
    const targets = targetsOf(store, steps);
    const reasons = steps.map((step) => attempt(store, step));
    if (reasons.some((reason) => reason.Code !== "None")) throw cancelled(reasons);
    refuseTooLarge(store, targets);
    return {};
  };
}
