/**
 * The refusals of the service. AWS documents them at
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html and under each operation.
 *
 * Every error has two names on the wire: `type` in the JSON body, and the code of the older query protocol in the header
 * `x-amzn-query-error`. The SDK finds its exception class by either, and reports the latter as `Code`.
 */
interface WireError {
  readonly status: number;
  /** Absent: the same as the code. */
  readonly query?: string;
  /** Absent: the code in the namespace of SQS. Errors of AWS's common front end live in a namespace of their own. */
  readonly type?: string;
}

const legacy = (name: string) => `AWS.SimpleQueueService.${name}`;
const frontEnd = (name: string) => `com.amazon.coral.service#${name}`;

const wireErrors = {
  AccessDenied: { status: 403, type: frontEnd("AccessDeniedException") },
  BatchEntryIdsNotDistinct: { status: 400, query: legacy("BatchEntryIdsNotDistinct") },
  BatchRequestTooLong: { status: 400, query: legacy("BatchRequestTooLong") },
  EmptyBatchRequest: { status: 400, query: legacy("EmptyBatchRequest") },
  InternalError: { status: 500 },
  InvalidAction: { status: 400 },
  InvalidAttributeName: { status: 400 },
  InvalidAttributeValue: { status: 400 },
  InvalidBatchEntryId: { status: 400, query: legacy("InvalidBatchEntryId") },
  InvalidMessageContents: { status: 400 },
  InvalidParameterValue: { status: 400, type: frontEnd("InvalidParameterValueException") },
  MessageNotInflight: { status: 400, query: legacy("MessageNotInflight") },
  MissingParameter: { status: 400, type: frontEnd("MissingRequiredParameterException") },
  OverLimit: { status: 403 },
  PurgeQueueInProgress: { status: 403, query: legacy("PurgeQueueInProgress") },
  QueueDeletedRecently: { status: 400, query: legacy("QueueDeletedRecently") },
  QueueDoesNotExist: { status: 400, query: legacy("NonExistentQueue") },
  QueueNameExists: { status: 400, query: "QueueAlreadyExists" },
  ReceiptHandleIsInvalid: { status: 404 },
  RequestThrottled: { status: 403 },
  ResourceNotFoundException: { status: 404 },
  SerializationException: { status: 400, type: frontEnd("SerializationException") },
  TooManyEntriesInBatchRequest: { status: 400, query: legacy("TooManyEntriesInBatchRequest") },
  UnsupportedOperation: { status: 400, query: legacy("UnsupportedOperation") },
} as const satisfies Record<string, WireError>;

export type SqsErrorCode = keyof typeof wireErrors;

/** A refusal that the caller gets to see, with the message that AWS gives where that is known. */
export class SqsError extends Error {
  readonly code: SqsErrorCode;

  constructor(code: SqsErrorCode, message: string) {
    super(message);
    this.name = "SqsError";
    this.code = code;
  }

  get #wire(): WireError {
    return wireErrors[this.code];
  }

  get status(): number {
    return this.#wire.status;
  }

  /** `__type` of the JSON answer. */
  get type(): string {
    return this.#wire.type ?? `com.amazonaws.sqs#${this.code}`;
  }

  /** The code that the query protocol has for it; also the `Code` of a failed batch entry. */
  get queryCode(): string {
    return this.#wire.query ?? this.code;
  }

  /** Whether the caller is to blame, not the service. */
  get isSenderFault(): boolean {
    return this.status < 500;
  }
}

/** A parameter has a value that the service does not take. */
export const invalidParameter = (message: string): SqsError => new SqsError("InvalidParameterValue", message);

/** The same in AWS's usual wording: which value, of which parameter, and why. */
export const invalidValue = (name: string, value: unknown, reason: string): SqsError =>
  invalidParameter(`Value ${value} for parameter ${name} is invalid. Reason: ${reason}`);

export const missingParameter = (name: string): SqsError =>
  new SqsError("MissingParameter", `The request must contain the parameter ${name}.`);

export const queueDoesNotExist = (): SqsError =>
  new SqsError("QueueDoesNotExist", "The specified queue does not exist.");

export const notForThisQueueType = "The request include parameter that is not valid for this queue type.";
