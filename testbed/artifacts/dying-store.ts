import type { ArtifactStore } from '@carpal/artifacts/store.ts';

/** A store that fails after this number of changes, as a killed process would: neither the next change nor any later one happens. */
export function dyingStore(store: ArtifactStore, changes: number): ArtifactStore {
  let left = changes;
  const live = (): void => {
    if (left-- <= 0) throw new Error('killed');
  };
  return {
    ...store,
    write: async (key, content) => {
      live();
      await store.write(key, content);
    },
    writeIfUnchanged: async (key, content, tag) => {
      live();
      return store.writeIfUnchanged(key, content, tag);
    },
    remove: async (prefix) => {
      live();
      await store.remove(prefix);
    },
  };
}
