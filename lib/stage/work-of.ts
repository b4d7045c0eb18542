import type { StagePlan } from "../plan/plan.ts";
import { commandWork } from "./command.ts";
import type { StageDefinition } from "./stage.ts";
import { handlerWork, type Work, WorkFailed } from "./work.ts";

/**
 * The work of a light stage.
 *
 * A handler's module is loaded for the first token, not with the function: a module that cannot be loaded then fails
 * each token's attempt with the reason that the loader gave, instead of killing the function in silence.
 *
 * @param directory that the definition's paths are relative to
 * @param load imports a module, given the path that the definition says
 */
export function workOf(
  { work, env, secrets }: StagePlan,
  directory: string,
  load: (file: string) => Promise<unknown>,
): Work {
  switch (work.kind) {
    case "command":
      return commandWork({
        command: work.command,
        acceptExitCodes: work.acceptExitCodes,
        directory,
        env,
        secrets,
      });
    case "handler":
      return loading(work.handler, async () => handlerWork(stageFrom(await load(work.handler))));
    case "image":
      throw new Error("an image runs in a cluster, not in a function");
    case "external":
      throw new Error("an external stage's work is done by another system, not in a function");
  }
}

function loading(file: string, load: () => Promise<Work>): Work {
  let loaded: Promise<Work> | undefined;
  return async (attempt, dependencies) => {
    loaded ??= load();
    const work = await loaded.catch((error: unknown) => {
      loaded = undefined;
      throw new WorkFailed(
        new Error(`cannot load ${file}: ${(error as Error).message}`, { cause: error }),
        [],
      );
    });
    return work(attempt, dependencies);
  };
}

/** What a module gives as its default export, if it is a stage. */
function stageFrom(module: unknown): StageDefinition {
  const { default: definition } = module as { default?: StageDefinition };
  if (typeof definition?.run === "function") return definition;
  throw new Error("it has no stage as its default export: write export default stage({ run… })");
}
