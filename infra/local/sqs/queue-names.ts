/** The account and region that the local service pretends to be in. */
export const ACCOUNT = "000000000000";
const ARN_PREFIX = `arn:aws:sqs:us-east-1:${ACCOUNT}:`;

export const queueArn = (name: string): string => `${ARN_PREFIX}${name}`;

/** The last part of an ARN. */
export const queueNameOfArn = (arn: string): string => arn.slice(arn.lastIndexOf(":") + 1);

/** The last path segment: a URL that an earlier process gave out, with its port, still names the queue. */
export const queueNameOfUrl = (url: string): string => url.slice(url.lastIndexOf("/") + 1);
