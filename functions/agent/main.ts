import { runAgent } from "../../lib/agent/run-agent.ts";
import { systemClock } from "../../lib/clock.ts";
import { jsonLog } from "../../lib/log.ts";

/** The program in the containers before and behind the user's: `fetch` or `publish`. */
const verb = process.argv[2] ?? "";
const log = jsonLog({ agent: verb });
process.exitCode = await runAgent(verb, process.env, { fetch, clock: systemClock, random: Math.random }, log);
