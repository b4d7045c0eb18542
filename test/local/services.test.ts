import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect, onTestFinished, test } from "vitest";
import { openDataDirectory } from "../../infra/local/data-directory.ts";
import { startServices } from "../../infra/local/services.ts";
import { startSqs } from "../../infra/local/sqs/server.ts";
import { s3Client } from "../../lib/token/s3-client.aws.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("beside a service of somebody else's, our own S3 takes the URLs that the user's credentials sign", async () => {
  const sqs = await startSqs();
  onTestFinished(sqs.close);
  const directory = openDataDirectory(temporaryFolder());
  onTestFinished(directory.release);
  const services = await startServices(
    directory,
    { onObjectCreated: async () => {} },
    {
      AWS_ENDPOINT_URL_SQS: sqs.endpoint,
      AWS_ACCESS_KEY_ID: "users",
      AWS_SECRET_ACCESS_KEY: "own",
      AWS_SESSION_TOKEN: "session",
    },
  );
  onTestFinished(services.close);
  const client = s3Client(services.env, { signing: true });
  await client.send(new CreateBucketCommand({ Bucket: "millrace" }));
  const url = await getSignedUrl(client, new PutObjectCommand({ Bucket: "millrace", Key: "a.txt" }));
  const response = await fetch(url, { method: "PUT", body: "text" });
  expect([response.status, await response.text()]).toEqual([200, ""]);
});
