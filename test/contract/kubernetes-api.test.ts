import { once } from "node:events";
import { connect } from "node:net";
import {
  BatchV1Api,
  CoreV1Api,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1Job,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Cluster,
  configFor,
  finished,
  isForeign,
  isRunning,
  jobOf,
  newName,
  placeOf,
  podOf,
  podsOf,
  refusal,
  startCluster,
  until,
} from "./kubernetes-cluster.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** A Job that never has a pod: what is under test is the object. */
const idle = (name: string, labels: Record<string, string> = {}): V1Job => {
  const job = jobOf(name, "true", { suspend: true });
  return { ...job, metadata: { name, labels } };
};
const create = (body: V1Job) => cluster.batch.createNamespacedJob({ namespace: cluster.namespace, body });
const read = (name: string) => cluster.batch.readNamespacedJob({ name, namespace: cluster.namespace });
/** A Job about which the controller has had its say: nobody else changes it any more. */
const createSettled = async (body: V1Job): Promise<V1Job> => {
  await create(body);
  return until(async () => {
    const job = await read(body.metadata?.name ?? "");
    return job.status?.conditions !== undefined && job;
  });
};
const remove = (name: string, rest: object = {}) =>
  cluster.batch.deleteNamespacedJob({ name, namespace: cluster.namespace, ...rest });
const apply = (name: string, body: object, rest: object = {}) =>
  cluster.batch.patchNamespacedJob(
    { name, namespace: cluster.namespace, body, fieldManager: "contract", ...rest },
    setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply),
  );
const merge = (name: string, body: object) =>
  cluster.batch.patchNamespacedJob(
    { name, namespace: cluster.namespace, body },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );

describe("refusals", () => {
  test("a name that is taken", async () => {
    const name = newName("taken");
    await create(idle(name));
    expect(await refusal(create(idle(name)))).toEqual({
      code: 409,
      reason: "AlreadyExists",
      message: `jobs.batch "${name}" already exists`,
    });
  });

  test("what does not exist", async () => {
    const missing = { code: 404, reason: "NotFound", message: 'jobs.batch "nobody" not found' };
    expect(await refusal(read("nobody"))).toEqual(missing);
    expect(await refusal(remove("nobody"))).toEqual(missing);
    expect(
      await refusal(cluster.batch.createNamespacedJob({ namespace: "no-such-place", body: idle("a") })),
    ).toMatchObject({ code: 404, message: 'namespaces "no-such-place" not found' });
  });

  test("a name of more than 63 characters, because it becomes a label", async () => {
    const refused = await refusal(create(idle("a".repeat(64))));
    expect(refused).toMatchObject({ code: 422, reason: "Invalid" });
    expect(refused.message).toContain("must be no more than 63 bytes");
  });

  test("rules of the failure policy", async () => {
    const job = idle(newName("policy"));
    job.spec!.podFailurePolicy = {
      rules: [{ action: "FailJob", onExitCodes: { containerName: "main", operator: "In", values: [0, 1] } }],
    };
    const refused = await refusal(create(job));
    expect(refused).toMatchObject({ code: 422, reason: "Invalid" });
    expect(refused.message).toContain(
      "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0",
    );
  });

  test("several faults are told at once", async () => {
    const job = idle(newName("faults"));
    job.spec!.backoffLimit = -1;
    job.spec!.template.spec!.containers[0]!.volumeMounts = [{ name: "nowhere", mountPath: "/data" }];
    const { message } = await refusal(create(job));
    expect(message).toContain("spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0");
    expect(message).toContain('spec.template.spec.containers[0].volumeMounts[0].name: Not found: "nowhere"');
  });

  test("the template of a Job cannot change", async () => {
    const name = newName("fixed");
    const job = await createSettled(idle(name));
    job.spec!.template.spec!.containers[0]!.image = "other:1";
    const refused = await refusal(
      cluster.batch.replaceNamespacedJob({ name, namespace: cluster.namespace, body: job }),
    );
    expect(refused).toMatchObject({ code: 422, reason: "Invalid" });
    expect(refused.message).toContain("field is immutable");
  });

  test("a change to what has changed meanwhile", async () => {
    const name = newName("stale");
    const job = await createSettled(idle(name));
    await merge(name, { metadata: { labels: { seen: "yes" } } });
    expect(
      await refusal(cluster.batch.replaceNamespacedJob({ name, namespace: cluster.namespace, body: job })),
    ).toEqual({
      code: 409,
      reason: "Conflict",
      message: `Operation cannot be fulfilled on jobs.batch "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    });
  });
});

describe("what a request says beside its object", () => {
  test("a dry run of a name that is taken is refused like the real thing, and makes nothing", async () => {
    const name = newName("trial");
    const dry = (dryRun: string) =>
      cluster.batch.createNamespacedJob({ namespace: cluster.namespace, body: idle(name), dryRun });
    expect((await dry("All")).metadata?.name).toBe(name);
    expect(await refusal(read(name))).toMatchObject({ code: 404 });
    await create(idle(name));
    expect(await refusal(dry("All"))).toMatchObject({ code: 409, reason: "AlreadyExists" });
  });

  test("an option that nobody knows is refused: nothing happens", async () => {
    const name = newName("option");
    const { namespace, batch } = cluster;
    expect(
      await refusal(batch.createNamespacedJob({ namespace, body: idle(name), dryRun: "all" })),
    ).toMatchObject({ code: 422, message: expect.stringContaining('dryRun: Unsupported value: "all"') });
    expect(await refusal(read(name))).toMatchObject({ code: 404 });
    await create(idle(name));
    expect(await refusal(remove(name, { propagationPolicy: "Sometimes" }))).toMatchObject({
      code: 422,
      message: expect.stringContaining('propagationPolicy: Unsupported value: "Sometimes"'),
    });
    expect((await read(name)).metadata?.deletionTimestamp).toBeUndefined();
  });

  test.skipIf(isForeign)("values of the wrong type", async () => {
    const name = newName("typed");
    await create(idle(name));
    const path = `/apis/batch/v1/namespaces/${cluster.namespace}/jobs`;
    const body = { gracePeriodSeconds: "soon", propagationPolicy: "Background" };
    expect((await send("DELETE", `${path}/${name}`, body)).status).toBe(400);
    expect((await send("GET", `${path}?watch=1&resourceVersion=latest`)).status).toBe(400);
    expect((await send("GET", `${path}?limit=few`)).status).toBe(400);
    expect((await send("POST", path, { metadata: { name: newName("empty") } })).status).toBe(422);
    expect((await read(name)).metadata?.deletionTimestamp).toBeUndefined();
  });

  test.skipIf(isForeign)("what is not done by reading is not done by a GET", async () => {
    const name = newName("unmoved");
    await create(jobOf(name, "sleep 100"));
    const pod = (await podOf(cluster, name, isRunning)).metadata?.name;
    const core = `/api/v1/namespaces/${cluster.namespace}`;
    expect((await send("GET", `${core}/pods/${pod}/eviction`)).status).toBe(405);
    expect((await send("GET", `${core}/serviceaccounts/default/token`)).status).toBe(405);
    expect((await podOf(cluster, name)).metadata?.deletionTimestamp).toBeUndefined();
    await remove(name, { propagationPolicy: "Background" });
  });
});

/** To our own service, with its administrator's token. */
async function send(method: string, path: string, body?: object) {
  const response = await fetch(`${cluster.own.endpoint}${path}`, {
    method,
    headers: { authorization: `Bearer ${cluster.own.token}`, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { reason: string; message: string };
  return { status: response.status, warning: response.headers.get("warning"), body: answer };
}

describe("names that would become files", () => {
  test.for(["../../outside", "a/b", ".."])("a volume %j", async (volume) => {
    const job = idle(newName("volume"));
    job.spec!.template.spec!.volumes = [{ name: volume, emptyDir: {} }];
    expect(await refusal(create(job))).toMatchObject({ code: 422, reason: "Invalid" });
  });

  test.for(["../outside", "a/b", ".."])("a secret's key %j", async (key) => {
    const body = { metadata: { name: newName("secret") }, data: { [key]: "" } };
    const { namespace, core } = cluster;
    expect(await refusal(core.createNamespacedSecret({ namespace, body }))).toMatchObject({ code: 422 });
  });
});

describe("fields that nobody knows", () => {
  /** The typed call would drop the field before the server sees it. */
  const misspelt = (name: string) => ({
    ...idle(name),
    spec: { ...idle(name).spec, backofLimit: 3 },
  });
  const post = (name: string, query: string) =>
    send("POST", `/apis/batch/v1/namespaces/${cluster.namespace}/jobs${query}`, misspelt(name));

  test.skipIf(isForeign)("are refused when asked to be strict", async () => {
    const { status, body } = await post(newName("strict"), "?fieldValidation=Strict");
    expect([status, body.reason]).toEqual([400, "BadRequest"]);
    expect(body.message).toContain('strict decoding error: unknown field "spec.backofLimit"');
  });

  test.skipIf(isForeign)("are dropped with a warning otherwise", async () => {
    const name = newName("lax");
    const { status, warning } = await post(name, "");
    expect([status, warning]).toEqual([201, '299 - "unknown field \\"spec.backofLimit\\""']);
    expect((await read(name)).spec).not.toHaveProperty("backofLimit");
  });

  test("are always refused by server-side apply", async () => {
    const name = newName("applied");
    const refused = await refusal(apply(name, misspelt(name)));
    expect(refused.code).toBe(500);
    expect(refused.message).toContain(".spec.backofLimit: field not declared in schema");
  });

  test("a value of the wrong type", async () => {
    const name = newName("mistyped");
    const refused = await refusal(
      apply(name, { ...idle(name), spec: { ...idle(name).spec, backoffLimit: "3" } }),
    );
    expect(refused.code).toBeGreaterThanOrEqual(400);
    expect(refused.message).toContain("backoffLimit");
  });
});

describe("server-side apply", () => {
  test("makes an object, and changes nothing when nothing is to change", async () => {
    const name = newName("apply");
    await apply(name, idle(name));
    // The controller has its say first, and nothing after that.
    const first = await until(async () => {
      const job = await read(name);
      return job.status?.conditions !== undefined && job;
    });
    const second = await apply(name, idle(name));
    expect(second.metadata?.resourceVersion).toBe(first.metadata?.resourceVersion);
    expect(second.metadata?.uid).toBe(first.metadata?.uid);
  });

  test("of one object to the place of another is refused", async () => {
    const name = newName("misplaced");
    expect(await refusal(apply(name, idle(`${name}-other`)))).toMatchObject({ code: 400 });
    expect(await refusal(read(`${name}-other`))).toMatchObject({ code: 404 });
  });

  test("without a manager's name it is refused", async () => {
    const name = newName("nobody");
    expect(await refusal(apply(name, idle(name), { fieldManager: undefined }))).toMatchObject({
      code: 422,
      message: expect.stringContaining("fieldManager: Required value"),
    });
  });

  test("a field of somebody else's is a conflict, unless it is forced", async () => {
    const name = newName("contested");
    await apply(name, { ...idle(name), spec: { ...idle(name).spec, parallelism: 1 } });
    const theirs = { apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec: { parallelism: 2 } };
    const refused = await refusal(apply(name, theirs, { fieldManager: "other" }));
    expect(refused).toEqual({
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "contract" using batch/v1: .spec.parallelism',
    });
    const forced = await apply(name, theirs, { fieldManager: "other", force: true });
    expect(forced.spec?.parallelism).toBe(2);
  });

  test("what its manager no longer names goes; what others set stays", async () => {
    const name = newName("labels");
    await apply(name, { ...idle(name), metadata: { name, labels: { mine: "1", passing: "1" } } });
    await merge(name, { metadata: { labels: { theirs: "1" } } });
    const after = await apply(name, { ...idle(name), metadata: { name, labels: { mine: "2" } } });
    expect(after.metadata?.labels).toMatchObject({ mine: "2", theirs: "1" });
    expect(after.metadata?.labels).not.toHaveProperty("passing");
  });

  test("a Job that is going is answered as it is, with 200", async () => {
    const name = newName("going");
    await create({ ...idle(name), metadata: { name, finalizers: ["millrace.test/hold"] } });
    await remove(name, { propagationPolicy: "Background" });
    const answer = await apply(name, {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name, labels: { a: "1" } },
    });
    expect(answer.metadata?.deletionTimestamp).toBeInstanceOf(Date);
    expect((await refusal(create(idle(name)))).message).toBe(
      `object is being deleted: jobs.batch "${name}" already exists`,
    );
    await merge(name, { metadata: { finalizers: null } });
    expect(await refusal(read(name))).toMatchObject({ code: 404 });
  });

  test("the client's generic interface finds its way by discovery", async () => {
    const name = newName("generic");
    const objects = KubernetesObjectApi.makeApiClient(cluster.config);
    await objects.create({ ...idle(name), metadata: { name, namespace: cluster.namespace } });
    expect((await read(name)).metadata?.name).toBe(name);
  });
});

describe("patches", () => {
  test("a merge sets, changes and removes", async () => {
    const name = newName("merge");
    await create(idle(name, { keep: "1", drop: "1" }));
    const { metadata } = await merge(name, { metadata: { labels: { drop: null, add: "1" } } });
    expect(metadata?.labels).toMatchObject({ keep: "1", add: "1" });
    expect(metadata?.labels).not.toHaveProperty("drop");
  });

  test("what is taken away has its default again", async () => {
    const name = newName("default");
    const job = idle(name);
    await create({ ...job, spec: { ...job.spec!, completions: 3, parallelism: 3, backoffLimit: 2 } });
    const { spec } = await merge(name, { spec: { parallelism: null, backoffLimit: null } });
    expect(spec).toMatchObject({ parallelism: 1, backoffLimit: 6 });
  });

  test("text that is given for a secret is kept as its data", async () => {
    const name = newName("secret");
    const { core, namespace } = cluster;
    await core.createNamespacedSecret({ namespace, body: { metadata: { name }, stringData: { a: "one" } } });
    await core.replaceNamespacedSecret({
      name,
      namespace,
      body: { metadata: { name }, stringData: { a: "two" } },
    });
    const secret = await core.readNamespacedSecret({ name, namespace });
    expect([secret.data, secret.stringData]).toEqual([{ a: "dHdv" }, undefined]);
  });

  test("a JSON patch is applied wholly or not at all", async () => {
    const name = newName("json");
    await create(idle(name, { a: "1" }));
    const patch = (body: object) =>
      cluster.batch.patchNamespacedJob(
        { name, namespace: cluster.namespace, body },
        setHeaderOptions("Content-Type", PatchStrategy.JsonPatch),
      );
    await patch([{ op: "replace", path: "/metadata/labels/a", value: "2" }]);
    const half = [
      { op: "replace", path: "/metadata/labels/a", value: "3" },
      { op: "remove", path: "/metadata/labels/nothing" },
    ];
    expect((await refusal(patch(half))).code).toBe(422);
    expect((await read(name)).metadata?.labels?.["a"]).toBe("2");
  });
});

describe("lists and watches", () => {
  test("pages show one moment, in order", async () => {
    const label = newName("paged");
    const names = ["a", "b", "c", "d", "e"].map((letter) => `${label}-${letter}`);
    for (const name of names) await create(idle(name, { set: label }));
    const { namespace, batch } = cluster;
    const labelSelector = `set=${label}`;
    const first = await batch.listNamespacedJob({ namespace, labelSelector, limit: 2 });
    await remove(`${label}-d`, { propagationPolicy: "Background" });
    const seen = first.items.map(({ metadata }) => metadata?.name);
    for (let next = first.metadata?._continue; next; ) {
      const page = await batch.listNamespacedJob({ namespace, labelSelector, limit: 2, _continue: next });
      seen.push(...page.items.map(({ metadata }) => metadata?.name));
      next = page.metadata?._continue;
    }
    expect(seen).toEqual(names);
  });

  test.for([
    ["tier=a", ["one"]],
    ["tier!=a", ["two", "three"]],
    ["tier", ["one", "two"]],
    ["!tier", ["three"]],
    ["tier in (a,b),kind=x", ["one"]],
    ["tier notin (a)", ["two", "three"]],
    ["toString", []],
  ] as const)("labels: %s", async ([selector, expected]) => {
    const set = newName("set");
    const labels = { one: { tier: "a", kind: "x" }, two: { tier: "b", kind: "y" }, three: { kind: "z" } };
    for (const [name, own] of Object.entries(labels)) await create(idle(`${set}-${name}`, { ...own, set }));
    const { items } = await cluster.batch.listNamespacedJob({
      namespace: cluster.namespace,
      labelSelector: `set=${set},${selector}`,
    });
    const found = items.map(({ metadata }) => metadata?.name?.slice(set.length + 1));
    expect(found.sort()).toEqual([...expected].sort());
  });

  test("fields: only those that the kind can be selected by", async () => {
    const { namespace, batch } = cluster;
    const name = newName("selected");
    await create(jobOf(name, "true"));
    await finished(cluster, name);
    const done = await batch.listNamespacedJob({ namespace, fieldSelector: "status.successful=1" });
    expect(done.items.map(({ metadata }) => metadata?.name)).toContain(name);
    expect(
      await refusal(batch.listNamespacedJob({ namespace, fieldSelector: "spec.colour=red" })),
    ).toMatchObject({
      code: 400,
      message: expect.stringContaining("field label not supported: spec.colour"),
    });
  });
});

describe("watches", () => {
  const path = () => `/apis/batch/v1/namespaces/${cluster.namespace}/jobs`;

  test("what begins to match appears, what ceases to goes", async () => {
    const name = newName("seen");
    await createSettled(idle(name));
    const types: string[] = [];
    const connection = await new Watch(cluster.config).watch(
      path(),
      { fieldSelector: `metadata.name=${name}`, labelSelector: "shown=yes" },
      (type) => types.push(type),
      () => {},
    );
    await merge(name, { metadata: { labels: { shown: "yes" } } });
    await merge(name, { metadata: { labels: { shown: "yes", other: "1" } } });
    await merge(name, { metadata: { labels: { shown: "no" } } });
    await remove(name, { propagationPolicy: "Background" });
    await until(async () => types.includes("DELETED"));
    expect(types).toEqual(["ADDED", "MODIFIED", "DELETED"]);
    connection.abort();
  });

  test("one that was asked for a time ends, whatever goes on", async () => {
    const ended = Promise.withResolvers<unknown>();
    await new Watch(cluster.config).watch(path(), { timeoutSeconds: 1 }, () => {}, ended.resolve);
    const name = newName("busy");
    await create(idle(name));
    let isOver = false;
    void ended.promise.then(() => {
      isOver = true;
    });
    for (let count = 0; !isOver; count += 1)
      await merge(name, { metadata: { labels: { count: String(count) } } });
    expect(await ended.promise).toBeNull();
    expect((await read(name)).metadata?.name).toBe(name);
  });

  // A real cluster has its own limits for what is not read.
  test.skipIf(isForeign)(
    "one that has ended and is not read does no harm when something changes",
    async () => {
      const namespace = await cluster.createNamespace();
      const secret = (name: string) =>
        cluster.core.createNamespacedSecret({
          namespace,
          body: { metadata: { name }, stringData: { filling: "x".repeat(600_000) } },
        });
      // More than the system keeps for a reader.
      for (let count = 0; count < 16; count += 1) await secret(`full-${count}`);
      const { hostname, port } = new URL(cluster.own.endpoint);
      const deaf = connect(Number(port), hostname);
      const { token } = cluster.own;
      deaf.write(
        `GET /api/v1/namespaces/${namespace}/secrets?watch=true&timeoutSeconds=0 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\n\r\n`,
      );
      await once(deaf, "readable");
      await secret("late");
      expect((await cluster.core.readNamespacedSecret({ namespace, name: "late" })).metadata?.name).toBe(
        "late",
      );
      deaf.destroy();
    },
  );

  test("an informer lists, then follows", async () => {
    const { namespace, batch, config } = cluster;
    const name = newName("informed");
    await create(idle(`${name}-before`));
    const informer = makeInformer(config, path(), () => batch.listNamespacedJob({ namespace }));
    informer.on("error", () => {});
    await informer.start();
    await create(idle(`${name}-after`));
    await remove(`${name}-before`, { propagationPolicy: "Background" });
    await until(
      async () => informer.get(`${name}-after`, namespace) && !informer.get(`${name}-before`, namespace),
    );
    await informer.stop();
  });
});

describe("deletion", () => {
  test("who does not say otherwise leaves the pods, without an owner", async () => {
    const name = newName("orphaning");
    await create(jobOf(name, "sleep 100"));
    await podOf(cluster, name, isRunning);
    await remove(name);
    await until(async () => (await refusal(read(name)).catch(() => undefined))?.code === 404);
    const pod = await podOf(cluster, name, ({ metadata }) => !metadata?.ownerReferences?.length);
    expect(isRunning(pod)).toBe(true);
    await cluster.core.deleteNamespacedPod({ name: pod.metadata?.name ?? "", namespace: cluster.namespace });
    await until(async () => (await podsOf(cluster, name)).length === 0);
  });

  test("what is asked later holds", async () => {
    const name = newName("hurried");
    await create(jobOf(name, "sleep 100"));
    const pod = (await podOf(cluster, name, isRunning)).metadata?.name ?? "";
    await cluster.core.patchNamespacedPod(
      { name: pod, namespace: cluster.namespace, body: { metadata: { finalizers: ["millrace.test/hold"] } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
    await remove(name, { propagationPolicy: "Foreground" });
    expect((await read(name)).metadata?.finalizers).toEqual(["foregroundDeletion"]);
    await remove(name, { propagationPolicy: "Background" });
    expect(await refusal(read(name))).toMatchObject({ code: 404 });
    await cluster.core.patchNamespacedPod(
      { name: pod, namespace: cluster.namespace, body: { metadata: { finalizers: null } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
  });

  test("in the background: the Job at once, its pods when they have ended", async () => {
    const name = newName("background");
    await create(jobOf(name, "sleep 100"));
    await podOf(cluster, name, isRunning);
    const answer = await remove(name, { propagationPolicy: "Background" });
    expect(answer).toMatchObject({ status: "Success", details: { name, group: "batch", kind: "jobs" } });
    expect(await refusal(read(name))).toMatchObject({ code: 404 });
    await until(async () => (await podsOf(cluster, name)).length === 0);
  });

  test("in the foreground: the Job goes last", async () => {
    const name = newName("foreground");
    await create(jobOf(name, "sleep 100"));
    const pod = (await podOf(cluster, name, isRunning)).metadata?.name ?? "";
    const hold = (finalizers: string[] | null) =>
      cluster.core.patchNamespacedPod(
        { name: pod, namespace: cluster.namespace, body: { metadata: { finalizers } } },
        setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
      );
    await hold(["batch.kubernetes.io/job-tracking", "millrace.test/hold"]);
    await remove(name, { propagationPolicy: "Foreground" });
    await podOf(cluster, name, ({ metadata }) => metadata?.deletionTimestamp !== undefined);
    const { metadata } = await read(name);
    expect(metadata?.finalizers).toContain("foregroundDeletion");
    expect(metadata?.deletionTimestamp).toBeInstanceOf(Date);
    await hold(null);
    await until(async () => (await refusal(read(name)).catch(() => undefined))?.code === 404);
    expect(await podsOf(cluster, name)).toEqual([]);
  });

  test("only the object that was meant", async () => {
    const name = newName("meant");
    await create(idle(name));
    const preconditions = { uid: "00000000-0000-0000-0000-000000000000" };
    const refused = await refusal(remove(name, { body: { preconditions, propagationPolicy: "Background" } }));
    expect(refused).toMatchObject({ code: 409, reason: "Conflict" });
    expect(refused.message).toContain("UID in precondition: 00000000-0000-0000-0000-000000000000");
    expect((await read(name)).metadata?.name).toBe(name);
  });

  test("a namespace takes with it all that is in it", async () => {
    const namespace = await cluster.createNamespace();
    await cluster.batch.createNamespacedJob({ namespace, body: jobOf("resident", "sleep 100") });
    await podOf(placeOf(cluster.config, namespace), "resident", isRunning);
    await cluster.core.deleteNamespace({ name: namespace });
    await until(
      async () =>
        (await refusal(cluster.core.readNamespace({ name: namespace })).catch(() => undefined))?.code === 404,
    );
    expect((await cluster.core.listNamespacedPod({ namespace })).items).toEqual([]);
  });
});

describe("access", () => {
  test.skipIf(isForeign)("nobody comes in without a token, or with a wrong one", async () => {
    for (const headers of [{}, { authorization: "Bearer wrong" }] as Record<string, string>[]) {
      const { status } = await fetch(`${cluster.own.endpoint}/api/v1/namespaces`, { headers });
      expect(status).toBe(401);
    }
    const stranger = configFor(cluster.own.endpoint, "wrong").makeApiClient(CoreV1Api);
    await expect(stranger.listNamespace()).rejects.toMatchObject({ code: 401 });
  });

  test("a service account may do what its role says, in its namespace", async () => {
    const { core, rbac, namespace, config } = cluster;
    const name = newName("dispatcher");
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
    await rbac.createNamespacedRole({
      namespace,
      body: {
        metadata: { name },
        rules: [
          { apiGroups: ["batch"], resources: ["jobs"], verbs: ["create", "get"] },
          { apiGroups: [""], resources: ["secrets"], verbs: ["get"], resourceNames: [`${name}-own`] },
        ],
      },
    });
    await rbac.createNamespacedRoleBinding({
      namespace,
      body: {
        metadata: { name },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
        subjects: [{ kind: "ServiceAccount", name, namespace }],
      },
    });
    const { status } = await core.createNamespacedServiceAccountToken({
      name,
      namespace,
      body: { spec: { audiences: [], expirationSeconds: 3600 } },
    });
    const own = configFor(config.getCurrentCluster()?.server ?? "", status?.token ?? "");
    const batch = own.makeApiClient(BatchV1Api);
    const job = newName("allowed");
    await batch.createNamespacedJob({ namespace, body: idle(job) });
    const user = `system:serviceaccount:${namespace}:${name}`;
    expect(await refusal(batch.deleteNamespacedJob({ name: job, namespace }))).toEqual({
      code: 403,
      reason: "Forbidden",
      message: expect.stringContaining(
        `jobs.batch "${job}" is forbidden: User "${user}" cannot delete resource "jobs" in API group "batch" in the namespace "${namespace}"`,
      ),
    });
    expect(await refusal(batch.createNamespacedJob({ namespace: "default", body: idle(job) }))).toMatchObject(
      {
        code: 403,
      },
    );
    const readSecret = (secret: string) =>
      refusal(own.makeApiClient(CoreV1Api).readNamespacedSecret({ namespace, name: secret }));
    expect(await readSecret(`${name}-own`)).toMatchObject({ code: 404 });
    expect(await readSecret(`${name}-other`)).toMatchObject({ code: 403 });
    expect(await refusal(own.makeApiClient(CoreV1Api).listNamespacedSecret({ namespace }))).toMatchObject({
      code: 403,
      message: expect.stringContaining(`secrets is forbidden: User "${user}" cannot list resource "secrets"`),
    });
  });
});
