import * as z from "zod";
import type { ArchivedObject, ArchiveStore } from "../archive/store.ts";
import { edgeOf } from "../plan/find.ts";
import type { ObjectRef } from "../token/envelope.ts";
import { StageFailure } from "./failure.ts";
import type { OutputsOf } from "./lasting.ts";
import { checkOutput } from "./outputs.ts";

/**
 * What an external stage passes on, by what its system says when it has finished:
 *
 *     { "outputs": [ { "data": …, "objects": ["page-1.txt"], "to": "publish" } ] }
 *
 * where objects are named by what follows the attempt's path in their keys. Without `outputs` it passes on one: the data as a
 * whole, with every object below the path. So a system that knows nothing of this passes on what it has archived.
 */
const Outputs = z.strictObject({
  outputs: z.array(
    z.strictObject({
      data: z.unknown().optional(),
      objects: z.array(z.string().min(1)).optional(),
      to: z.union([z.string(), z.array(z.string())]).optional(),
    }),
  ),
});

/** One listing of the path is read; whoever archives more says which objects it means in several outputs of several tokens. */
const MAX_OBJECTS = 10_000;

/** @param archive where the system put what it made */
export const externalOutputs =
  (archive: Pick<ArchiveStore, "list">): OutputsOf =>
  async (row, { data }, { pipeline, stage }) => {
    const prefix = `${row.path.slice(1)}/`;
    const archived = await listed(archive, prefix);
    const routing = { fanout: stage.fanout, edges: stage.out.map((id) => edgeOf(pipeline, id)) };
    const said = saysOutputs(data)
      ? parsed(data)
      : [{ ...(data !== undefined && { data }), objects: [...archived.keys()] }];
    return Promise.all(
      said.map(({ objects = [], ...output }) =>
        checkOutput(
          { ...output, objects: objects.map((name) => found(archived, name, row.path)) },
          undefined,
          routing,
        ),
      ),
    );
  };

const saysOutputs = (data: unknown): boolean =>
  typeof data === "object" && data !== null && "outputs" in data;

/** @throws StageFailure naming every place that is wrong */
function parsed(data: unknown): z.infer<typeof Outputs>["outputs"] {
  const result = Outputs.safeParse(data);
  if (result.success) return result.data.outputs;
  throw new StageFailure("output-invalid", z.prettifyError(result.error).replaceAll("\n", "; "));
}

/** Objects by name. What begins with "_" is ours. */
async function listed(
  archive: Pick<ArchiveStore, "list">,
  prefix: string,
): Promise<ReadonlyMap<string, ArchivedObject>> {
  const objects = new Map<string, ArchivedObject>();
  for await (const object of archive.list(prefix)) {
    const name = object.key.slice(prefix.length);
    if (name === "" || name.endsWith("/") || name.startsWith("_")) continue;
    objects.set(name, object);
    if (objects.size > MAX_OBJECTS)
      throw new StageFailure("output-invalid", `more than ${MAX_OBJECTS} objects lie below /${prefix}`);
  }
  return objects;
}

function found(archived: ReadonlyMap<string, ArchivedObject>, name: string, path: string): ObjectRef {
  const object = archived.get(name);
  if (!object) throw new StageFailure("object-missing", `there is no object "${name}" below ${path}`);
  return { key: object.key, size: object.size, etag: object.etag };
}
