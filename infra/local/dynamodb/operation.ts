import type { Input } from "./model.ts";

/**
 * One operation of the service: the body of a request to the body of its answer. It is called within a transaction,
 * which is rolled back if it throws.
 *
 * @throws ServiceError what DynamoDB answers instead
 */
export type Operation = (input: Input) => object;
