const servicePrefix = "com.amazonaws.dynamodb.v20120810#";

/** What DynamoDB answers instead of a result; dynalite throws errors of the same shape. */
export interface ServiceError extends Error {
  statusCode: number;
  body: { __type: string; message?: string; [detail: string]: unknown };
}

export const isServiceError = (thrown: unknown): thrown is ServiceError =>
  thrown instanceof Error && "statusCode" in thrown && "body" in thrown;

/** An error of the service model, by its name there (`ResourceInUseException`), with further members of its shape. */
export function serviceError(
  name: string,
  message: string,
  details: Record<string, unknown> = {},
): ServiceError {
  const body = { __type: servicePrefix + name, message, ...details };
  return Object.assign(new Error(message), { statusCode: 400, body });
}

export function validationError(message: string): ServiceError {
  const body = { __type: "com.amazon.coral.validate#ValidationException", message };
  return Object.assign(new Error(message), { statusCode: 400, body });
}

export const tableNotFound = (tableName: string): ServiceError =>
  serviceError("ResourceNotFoundException", `Requested resource not found: Table: ${tableName} not found`);

/** The error's name without its namespace: `ValidationException`. */
export const errorName = (error: ServiceError): string => error.body.__type.replace(/^.*#/, "");
