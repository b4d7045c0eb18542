import type { BucketObserver } from "../services/bucket.ts";
import type { World } from "../world/world.ts";
import type { CrashPoints } from "./crash-points.ts";
import type { Truth } from "./truth.ts";

/** Sees the objects that are stored. What a commit refers to stays as it is. */
export const objectWitness = (world: World, truth: Truth, crashPoints: CrashPoints): BucketObserver => ({
  stored({ key, etag }) {
    if (world.acting) crashPoints.stored(world.acting, key);
    const referenced = truth.referenced.get(key);
    if (referenced !== undefined && referenced !== etag)
      truth.violate(`an object that a commit refers to was overwritten: ${key}`);
  },
});
