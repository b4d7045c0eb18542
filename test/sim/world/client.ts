import type { Sandbox } from "./sandbox.ts";
import { type Call, send } from "./transport.ts";
import type { World } from "./world.ts";

/**
 * One of the SDK's clients, as a sandbox has it: what is handed to `send` is the SDK's own command.
 *
 * @param callOf what a service makes of a command; throws for one that its model does not know
 */
export function clientOf<Client>(
  sandbox: Sandbox,
  world: World,
  callOf: (command: unknown) => Call<unknown>,
): Client {
  const client = {
    send: async (command: unknown): Promise<unknown> => {
      try {
        return send(callOf(command), sandbox, world);
      } catch (error) {
        world.notModelled.push((error as Error).message);
        throw error;
      }
    },
  };
  return client as unknown as Client;
}
