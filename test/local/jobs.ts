import type { Runtime } from "../../infra/local/runtime.ts";
import type { JobRecord } from "../../lib/job/record.ts";
import { definitionOf, startInProcess } from "./in-process.ts";

/** The jobs of a running runtime, as outsiders and operators see them: by HTTP alone. */

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export type ShownJob = JobRecord & { readonly late: JobRecord["history"]; readonly next?: number };

export interface Made {
  readonly id: string;
  readonly key: string;
  readonly callback: string;
  readonly path: string;
  readonly state: string;
}

export async function startJobs(...pipelines: string[]) {
  const { runtime, said } = await startInProcess(pipelines.map(definitionOf));
  return { runtime, said, ...jobsAt(runtime) };
}

function jobsAt({ url }: Runtime) {
  const send = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const response = await fetch(new URL(path, url), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return {
    send,
    make: async (body: object): Promise<Made> => (await send("/v1/jobs", body)).body as unknown as Made,
    report: (job: string, key: string, body: unknown): Promise<Answer> =>
      send(`/v1/jobs/${job}/events`, body, { authorization: `Bearer ${key}` }),
    verb: (job: string, verb: string, body: object = {}): Promise<Answer> =>
      send(`/v1/jobs/${job}/verbs/${verb}`, body),
    show: async (job: string, query = ""): Promise<ShownJob> =>
      (await fetch(`${url}/v1/jobs/${job}${query}`)).json() as Promise<ShownJob>,
    eventsOf: async (job: string): Promise<string[]> => {
      const { history } = (await (await fetch(`${url}/v1/jobs/${job}`)).json()) as ShownJob;
      return history.map(({ event }) => event);
    },
  };
}
