import { createHash } from "node:crypto";
import { isoTime } from "../clock.ts";

/** Sixty-four each, of at most eight letters: four thousand pairs, told apart at a glance. */
const ADJECTIVES =
  `able amber ample azure balmy bold brave breezy bright brisk calm candid cheerful clever cosy crisp
daring deft eager early earnest fair festive fluent fond frosty gentle glad golden grand hardy honest humble jolly keen
kind lively loyal lucid lunar mellow merry mighty modest nimble noble patient placid plucky polite proud quick quiet
rapid ready rosy serene silver sincere steady sunny swift tidy warm`.split(/\s/);

const ANIMALS =
  `adder alpaca badger beaver bison bobcat camel caribou cheetah chough condor coot cougar coyote crane
curlew dingo dolphin donkey dormouse eagle egret elk ermine falcon ferret finch gannet gazelle gecko gibbon goose grouse
hamster heron hoopoe ibex jackdaw jaguar kestrel kiwi lapwing lemur linnet lynx magpie marmot marten merlin moose newt
ocelot osprey otter panda pelican plover puffin quail raven robin salmon stoat toucan`.split(/\s/);

/** What a caller may give in place of the two words: what it calls its session. */
export const SESSION = /^[A-Za-z0-9][A-Za-z0-9._-]{3,63}$/;

/**
 * `solid-otter-20260122T162843Z`: one instance of a job among those of equal parameters, for people to tell apart. The
 * words follow from the job's id, so that naming it again at the same time gives the same name.
 *
 * @param session takes the words' place; must match {@link SESSION}
 */
export function instanceName(job: string, at: number, session?: string): string {
  return `${session ?? words(job)}-${isoTime(at).slice(0, 19).replace(/[-:]/g, "")}Z`;
}

function words(job: string): string {
  const [first = 0, second = 0] = createHash("sha256").update(job).digest();
  return `${ADJECTIVES[first % ADJECTIVES.length]}-${ANIMALS[second % ANIMALS.length]}`;
}
