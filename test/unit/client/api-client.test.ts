import { expect, test } from "vitest";
import { ApiClient, path } from "../../../lib/client/api-client.ts";
import { answering, settled } from "./answers.ts";

const URL = "http://127.0.0.1:7420";
const DOWN = { status: 503, body: { code: "unavailable", detail: "a service behind the API failed" } };

test("what would do more if it were done twice is sent once", async () => {
  const { sent, surroundings } = answering(DOWN, { body: {} });
  const client = new ApiClient(URL, surroundings);
  const put = { method: "POST", path: "/v1/pipelines/p/tokens", body: { tokens: [] } } as const;
  await expect(client.request({ ...put, isRepeatable: false })).rejects.toMatchObject({ status: 503 });
  expect(sent).toHaveLength(1);
});

test("a query has what is given, and a path its parts encoded", async () => {
  const { sent, surroundings, clock } = answering(DOWN, { body: { ok: true } });
  const client = new ApiClient(URL, surroundings);
  const query = { after: undefined, limit: 5, name: "a&b" };
  const look = { method: "GET", path: path`/v1/jobs/${"../a b?"}/files`, query, isRepeatable: true } as const;
  expect(await settled(client.request(look), clock)).toEqual({ ok: true });
  expect(sent.map(({ path: at }) => at)).toEqual(
    Array(2).fill("/v1/jobs/..%2Fa%20b%3F/files?limit=5&name=a%26b"),
  );
});

test.for(["soon", "", "-1", "1.5"])("Retry-After: %j says nothing", async (header) => {
  const { sent, surroundings, clock } = answering(
    { ...DOWN, headers: { "retry-after": header } },
    { body: {} },
  );
  const client = new ApiClient(URL, surroundings);
  await settled(client.request({ method: "GET", path: "/", isRepeatable: true }), clock);
  expect(sent.map(({ at }) => at)).toEqual([0, 375]);
});

test("a gateway's own refusal, in words of its own, is told by its status", async () => {
  const { surroundings } = answering({ status: 413, body: { message: "Request Entity Too Large" } });
  const client = new ApiClient(URL, surroundings);
  await expect(client.request({ method: "GET", path: "/", isRepeatable: true })).rejects.toMatchObject({
    status: 413,
    code: "refused",
    message: "the API's gateway answered 413: Request Entity Too Large",
  });
});
