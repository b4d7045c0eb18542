import { SqsError } from "./errors.ts";
import { type Input, optionalInteger, optionalText, requiredText, textMap, texts } from "./input.ts";
import { COOLDOWN, limits, SECOND } from "./limits.ts";
import { deadLetterSources } from "./move-tasks.ts";
import { type Operation, queueOf, type Service } from "./operation.ts";
import type { Queue, QueueDefinition } from "./queue.ts";
import {
  changedAttributes,
  checkAttributes,
  checkQueueName,
  firstDifference,
  isFifo,
  isSettable,
  newQueueAttributes,
  unknownAttribute,
} from "./queue-attributes.ts";
import { queueArn } from "./queue-names.ts";
import { checkRedrive } from "./redrive-policy.ts";

const createQueue: Operation = (service, input) => {
  const { broker, queueUrl, cooldowns } = service;
  const name = requiredText(input, "QueueName");
  const given = textMap(input, "Attributes");
  const fifo = isFifo(given);
  checkQueueName(name, fifo);
  const checked = checkAttributes(given, fifo);
  const existing = broker.state.queues.get(name);
  if (existing) {
    refuseIfDifferent(existing, checked);
    return { QueueUrl: queueUrl(name) };
  }
  const now = broker.now();
  if (cooldowns && broker.state.wasDeletedRecently(name, now)) {
    throw new SqsError(
      "QueueDeletedRecently",
      "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    );
  }
  checkRedrive(broker, name, fifo, checked);
  const definition: QueueDefinition = {
    name,
    id: broker.state.nextNumber,
    attributes: newQueueAttributes(checked, fifo),
    tags: textMap(input, "tags"),
    createdAt: now,
    modifiedAt: now,
    purgedAt: 0,
  };
  broker.commit({ do: "queue", at: now, definition });
  return { QueueUrl: queueUrl(name) };
};

function refuseIfDifferent(existing: Queue, checked: Readonly<Record<string, string>>): void {
  const name = firstDifference(existing.definition.attributes, checked);
  if (name === undefined) return;
  const message = `A queue already exists with the same name and a different value for attribute ${name}`;
  throw new SqsError("QueueNameExists", message);
}

const deleteQueue: Operation = (service, input) => {
  const { broker, receivers } = service;
  const queue = queueOf(service, input);
  broker.commit({ do: "drop-queue", at: broker.now(), queue: queue.name });
  receivers.end(queue);
  return {};
};

const purgeQueue: Operation = (service, input) => {
  const { broker, cooldowns } = service;
  const { name, definition } = queueOf(service, input);
  const now = broker.now();
  if (cooldowns && now - definition.purgedAt < COOLDOWN) {
    throw new SqsError(
      "PurgeQueueInProgress",
      `Only one PurgeQueue operation on ${name} is allowed every 60 seconds.`,
    );
  }
  broker.commit({ do: "purge", at: now, queue: name });
  return {};
};

const getQueueUrl: Operation = ({ broker, queueUrl }, input) => ({
  QueueUrl: queueUrl(broker.queue(requiredText(input, "QueueName")).name),
});

const listQueues: Operation = (service, input) => {
  const prefix = optionalText(input, "QueueNamePrefix") ?? "";
  const names = [...service.broker.state.queues.keys()].filter((name) => name.startsWith(prefix));
  const { urls, NextToken } = page(service, names, input);
  return { QueueUrls: urls.length > 0 ? urls : undefined, NextToken };
};

const listDeadLetterSourceQueues: Operation = (service, input) => {
  const names = deadLetterSources(service.broker, queueOf(service, input)).map(({ name }) => name);
  const { urls, NextToken } = page(service, names, input);
  return { queueUrls: urls, NextToken };
};

/** One page of a list of queues, by name. The token of the next page is the last name of this one. */
function page({ queueUrl }: Service, names: string[], input: Input): { urls: string[]; NextToken?: string } {
  const most = optionalInteger(input, "MaxResults", limits.listedQueues);
  const token = optionalText(input, "NextToken");
  const after = token === undefined ? "" : Buffer.from(token, "base64").toString();
  const rest = names.filter((name) => name > after).sort();
  const shown = rest.slice(0, most ?? limits.listedQueues.most);
  const last = shown.at(-1);
  const isCut = most !== undefined && last !== undefined && rest.length > shown.length;
  return { urls: shown.map(queueUrl), NextToken: isCut ? Buffer.from(last).toString("base64") : undefined };
}

const setQueueAttributes: Operation = (service, input) => {
  const queue = queueOf(service, input);
  const checked = checkAttributes(textMap(input, "Attributes"), queue.fifo);
  checkRedrive(service.broker, queue.name, queue.fifo, checked);
  redefine(service, queue, {
    attributes: changedAttributes(queue.definition.attributes, checked),
    modifiedAt: service.broker.now(),
  });
  return {};
};

const getQueueAttributes: Operation = (service, input) => {
  const queue = queueOf(service, input);
  queue.advance(service.broker.now());
  const { attributes, createdAt, modifiedAt, name } = queue.definition;
  const all: Record<string, string> = {
    ...attributes,
    QueueArn: queueArn(name),
    ApproximateNumberOfMessages: String(queue.count("VISIBLE")),
    ApproximateNumberOfMessagesNotVisible: String(queue.count("IN_FLIGHT")),
    ApproximateNumberOfMessagesDelayed: String(queue.count("DELAYED")),
    CreatedTimestamp: String(Math.floor(createdAt / SECOND)),
    LastModifiedTimestamp: String(Math.floor(modifiedAt / SECOND)),
  };
  const wanted = texts(input, "AttributeNames");
  if (wanted.includes("All")) return { Attributes: all };
  const unknown = wanted.find((one) => !Object.hasOwn(all, one) && !isSettable(one));
  if (unknown !== undefined) throw unknownAttribute(unknown);
  const present = wanted.filter((one) => Object.hasOwn(all, one));
  if (present.length === 0) return {};
  return { Attributes: Object.fromEntries(present.map((one) => [one, all[one]])) };
};

const tagQueue: Operation = (service, input) => {
  const queue = queueOf(service, input);
  const tags = { ...queue.definition.tags, ...textMap(input, "Tags") };
  redefine(service, queue, { tags });
  return {};
};

const untagQueue: Operation = (service, input) => {
  const queue = queueOf(service, input);
  const removed = new Set(texts(input, "TagKeys"));
  const kept = Object.entries(queue.definition.tags).filter(([key]) => !removed.has(key));
  redefine(service, queue, { tags: Object.fromEntries(kept) });
  return {};
};

const listQueueTags: Operation = (service, input) => {
  const { tags } = queueOf(service, input).definition;
  return Object.keys(tags).length > 0 ? { Tags: tags } : {};
};

function redefine({ broker }: Service, { definition }: Queue, change: Partial<QueueDefinition>): void {
  broker.commit({ do: "queue", at: broker.now(), definition: { ...definition, ...change } });
}

export const queueOperations = {
  CreateQueue: createQueue,
  DeleteQueue: deleteQueue,
  GetQueueAttributes: getQueueAttributes,
  GetQueueUrl: getQueueUrl,
  ListDeadLetterSourceQueues: listDeadLetterSourceQueues,
  ListQueueTags: listQueueTags,
  ListQueues: listQueues,
  PurgeQueue: purgeQueue,
  SetQueueAttributes: setQueueAttributes,
  TagQueue: tagQueue,
  UntagQueue: untagQueue,
} satisfies Record<string, Operation>;
