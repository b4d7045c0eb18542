import type { ObjectStore } from "./objects.ts";

/**
 * A function's object store. Its client is loaded by the first call: it is a quarter of what a function would load, and a
 * stage whose tokens are small never needs it.
 */
export function lazyObjectStore(bucket: string): ObjectStore {
  let loaded: Promise<ObjectStore> | undefined;
  const store = (): Promise<ObjectStore> => {
    loaded ??= load(bucket);
    return loaded;
  };
  return {
    put: async (...args) => (await store()).put(...args),
    putNew: async (...args) => (await store()).putNew(...args),
    exists: async (...args) => (await store()).exists(...args),
    read: async (...args) => (await store()).read(...args),
  };
}

async function load(bucket: string): Promise<ObjectStore> {
  const [{ s3Client }, { objectStore }] = await Promise.all([
    import("./s3-client.aws.ts"),
    import("./objects.aws.ts"),
  ]);
  return objectStore(s3Client(), bucket);
}
