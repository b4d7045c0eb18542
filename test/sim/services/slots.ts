import type { Slots } from "../../../lib/cluster/slots.ts";
import type { Sandbox } from "../world/sandbox.ts";
import { send } from "../world/transport.ts";
import type { World } from "../world/world.ts";

/** Places in the cluster: who holds one, by pool. */
export class SlotModel {
  readonly #pools = new Map<string, Set<string>>();
  /** Told of every place that is taken. */
  onTaken: () => void = () => {};

  held(pool: string): Set<string> {
    const held = this.#pools.get(pool) ?? new Set();
    this.#pools.set(pool, held);
    return held;
  }

  take(pool: string, size: number, job: string): boolean {
    const held = this.held(pool);
    if (!held.has(job) && held.size >= size) return false;
    held.add(job);
    this.onTaken();
    return true;
  }

  get isEmpty(): boolean {
    return [...this.#pools.values()].every(({ size }) => size === 0);
  }
}

/** As the job table keeps them: each request is one conditional write of one item. */
export function slotClient(model: SlotModel, sandbox: Sandbox, world: World): Slots {
  const ask = <Answer>(operation: string, about: string, execute: () => Answer): Promise<Answer> =>
    send({ service: "ddb", operation, about, execute }, sandbox, world);
  return {
    take: ({ name, size }, job) =>
      ask("take", name, () => {
        const isTaken = model.take(name, size, job);
        world.probes.reachIf(!isTaken, "cluster-full");
        return isTaken;
      }),
    free: async ({ name }, job) => {
      await ask("free", name, () => model.held(name).delete(job));
    },
    held: ({ name }) => ask("held", name, () => [...model.held(name)]),
  };
}
