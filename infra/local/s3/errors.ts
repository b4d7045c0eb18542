/** Error codes of S3 with their HTTP status. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const statusOf = {
  AccessDenied: 403,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidTag: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedPolicy: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchKey: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  NotImplemented: 501,
  OwnershipControlsNotFoundError: 404,
  PreconditionFailed: 412,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type ErrorCode = keyof typeof statusOf;

/** A refusal that the client sees as an S3 error document with this code. */
export class S3Error extends Error {
  override readonly name = "S3Error";
  readonly code: ErrorCode;
  readonly status: number;
  /** Response headers that belong to the refusal (`x-amz-delete-marker`). */
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.code = code;
    this.status = statusOf[code];
    this.headers = headers;
  }
}

export const noSuchBucket = (bucket: string): S3Error =>
  new S3Error("NoSuchBucket", `The specified bucket does not exist: ${bucket}`);

export const noSuchKey = (key: string, headers?: Record<string, string>): S3Error =>
  new S3Error("NoSuchKey", `The specified key does not exist: ${key}`, headers);

export const invalidArgument = (message: string): S3Error => new S3Error("InvalidArgument", message);

export const notImplemented = (message: string): S3Error => new S3Error("NotImplemented", message);
