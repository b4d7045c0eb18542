import type { Board } from "../../lib/board/board.ts";
import type { JobRecord } from "../../lib/job/record.ts";
import { until } from "./millrace.ts";

/** A runtime's API, as tests ask it. */
export function apiAt(url: string, pipeline: string) {
  const at = (path: string): string => `${url}/v1/pipelines/${pipeline}${path}`;
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(at(path), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const board = async (): Promise<Board> => {
    let response: Response;
    // 503 says "try again": on a very busy machine a service may be too slow for its clients.
    do response = await fetch(at("/board"));
    while (response.status === 503);
    if (!response.ok) throw new Error(`the board answers ${response.status}: ${await response.text()}`);
    return (await response.json()) as Board;
  };
  return {
    at,
    post,
    board,
    put: async (...data: unknown[]): Promise<string[]> => {
      const response = await post("/tokens", { tokens: data.map((each) => ({ data: each })) });
      return ((await response.json()) as { tokens: string[] }).tokens;
    },
    dead: async (): Promise<JobRecord[]> =>
      ((await (await fetch(at("/dead"))).json()) as { jobs: JobRecord[] }).jobs,
    /** When so many have been put and nothing is outstanding. */
    settled: (put: number): Promise<Board> =>
      until(board, ({ put: count, outstanding, edges }) => {
        const moving = Object.values(edges).reduce((sum, { waiting, claimed }) => sum + waiting + claimed, 0);
        return count === put && outstanding === 0 && moving === 0;
      }),
  };
}

/** In = waiting + claimed + parked + in error + done, on every edge; and for the pipeline as a whole. */
export function balanceOf({ put, done, error, outstanding, edges }: Board): {
  pipeline: boolean;
  edges: Record<string, number>;
} {
  return {
    pipeline: put === done + error + outstanding,
    edges: Object.fromEntries(
      Object.entries(edges).map(([name, edge]) => [
        name,
        edge.waiting + edge.claimed + edge.parked + edge.error + edge.done,
      ]),
    ),
  };
}
