import { notImplemented, S3Error } from "./errors.ts";
import { checkBucketName } from "./limits.ts";
import { receiveText } from "./payload.ts";
import { documentTime, emptyResponse, type Handle, xmlResponse } from "./service.ts";
import { document, element } from "./xml.ts";
import { childOf, parseXml, textOf } from "./xml-parse.ts";

export const listBuckets: Handle = ({ buckets }) =>
  xmlResponse(
    document(
      "ListAllMyBucketsResult",
      element("Owner", element("ID", "local")),
      element(
        "Buckets",
        buckets
          .list()
          .map(({ name, created }) =>
            element("Bucket", element("Name", name), element("CreationDate", documentTime(created))),
          ),
      ),
    ),
  );

export const createBucket: Handle = async ({ buckets, clock }, request) => {
  checkBucketName(request.bucket);
  buckets.create(request.bucket, regionOf(await receiveText(request)), clock.now());
  return emptyResponse(200, { location: `/${request.bucket}` });
};

function regionOf(body: string): string {
  if (body.trim() === "") return "";
  const configuration = parseXml(body, "CreateBucketConfiguration");
  if (childOf(configuration, "Bucket")) throw notImplemented("Directory buckets are not implemented.");
  return textOf(configuration, "LocationConstraint") ?? "";
}

export const headBucket: Handle = ({ buckets }, { bucket }) =>
  emptyResponse(200, { "x-amz-bucket-region": buckets.get(bucket).region || "us-east-1" });

export const deleteBucket: Handle = ({ buckets }, { bucket }) => {
  buckets.delete(bucket);
  return emptyResponse(204);
};

export const getBucketLocation: Handle = ({ buckets }, { bucket }) =>
  xmlResponse(document("LocationConstraint", buckets.get(bucket).region));

export const getBucketVersioning: Handle = ({ buckets }, { bucket }) =>
  xmlResponse(document("VersioningConfiguration", element("Status", buckets.get(bucket).versioning)));

export const putBucketVersioning: Handle = async ({ buckets }, request) => {
  const configuration = parseXml(await receiveText(request), "VersioningConfiguration");
  if (textOf(configuration, "MfaDelete") === "Enabled")
    throw notImplemented("MFA delete is not implemented.");
  const status = textOf(configuration, "Status");
  if (status !== "Enabled" && status !== "Suspended") {
    throw new S3Error("MalformedXML", `The versioning status must be Enabled or Suspended: ${status}`);
  }
  buckets.setVersioning(request.bucket, status);
  return emptyResponse(200);
};

const NO_NOTIFICATION = document("NotificationConfiguration");

export const getBucketNotification: Handle = ({ buckets }, { bucket }) =>
  xmlResponse(buckets.document(bucket, "notification") ?? NO_NOTIFICATION);

/** Only the EventBridge switch has an effect; queue, topic and function targets are kept and answered. */
export const putBucketNotification: Handle = async ({ buckets }, request) => {
  const body = await receiveText(request);
  const configuration = parseXml(body, "NotificationConfiguration");
  buckets.setNotification(
    request.bucket,
    body,
    childOf(configuration, "EventBridgeConfiguration") !== undefined,
  );
  return emptyResponse(200);
};
