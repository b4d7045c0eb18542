import { receiveText } from "./payload.ts";
import { emptyResponse, type Handle, shownVersionId, xmlResponse } from "./service.ts";
import { tagsDocument, tagsOfDocument } from "./tagging.ts";

export const getObjectTagging: Handle = (service, { bucket, key, query }) => {
  const version = service.objects.get(bucket, key, query.get("versionId"));
  return xmlResponse(tagsDocument(version.tags), {
    "x-amz-version-id": shownVersionId(service, bucket, version.versionId),
  });
};

export const putObjectTagging: Handle = async (service, request) => {
  const tags = tagsOfDocument(await receiveText(request));
  const version = service.objects.get(request.bucket, request.key, request.query.get("versionId"));
  service.objects.setTags(version, tags);
  return emptyResponse(200, {
    "x-amz-version-id": shownVersionId(service, request.bucket, version.versionId),
  });
};

export const deleteObjectTagging: Handle = (service, { bucket, key, query }) => {
  const version = service.objects.get(bucket, key, query.get("versionId"));
  service.objects.setTags(version, []);
  return emptyResponse(204, { "x-amz-version-id": shownVersionId(service, bucket, version.versionId) });
};
