/** Which parts of a store nothing refers to any more: artifacts of experiments that were deleted, and prepared sets that no experiment uses. */
import { parseJson } from '@carpal/configs/json.ts';
import { type ExperimentIdentity, FILE, prepareKey } from '@carpal/configs/names.ts';
import type { ArtifactStore, StoredObject } from './store.ts';

/** An experiment that exists, in a cluster or by the word of a person. Without a uid: every experiment of that name. */
export type LiveExperiment = {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string | undefined;
  /** Whether it may still start stages. */
  readonly isActive: boolean;
};

export type PruneOptions = {
  readonly live: readonly LiveExperiment[];
  /** Only keys of this namespace; absent: the whole store. */
  readonly namespace?: string | undefined;
  /** A part is kept if its newest object is younger. */
  readonly minimumAgeMs: number;
  readonly nowMs: number;
};

/** A part of the store that can be removed: everything under `key`. */
export type Removal = {
  readonly kind: 'experiment' | 'prepared set';
  readonly key: string;
  readonly objects: number;
  readonly bytes: number;
  /** The time of the newest object, in milliseconds since 1970. */
  readonly newestMs: number;
  readonly why: string;
};

export type PrunePlan = {
  readonly removals: readonly Removal[];
  /** The experiments of the store that exist. */
  readonly liveExperiments: number;
  /** Parts that nothing refers to and that are younger than the minimum age. */
  readonly young: number;
};

type Part = Omit<Removal, 'why' | 'kind'>;
type StoredExperiment = Part & { readonly metadata: ExperimentIdentity['metadata'] & { readonly uid: string } };
/** `namespace` is absent for a set of an earlier version, which all namespaces share. */
type StoredSet = Part & { readonly hash: string; readonly namespace?: string };

/** Digits of the hash of a prepared set. */
const HASH = /^[0-9a-f]{24}$/;

/** What can be removed from the store. Reads lists and notes only. Keys outside of `experiments/` and `datasets/prepared/` are ignored. */
export async function planPrune(store: ArtifactStore, options: PruneOptions): Promise<PrunePlan> {
  const { live, minimumAgeMs, nowMs } = options;
  const isOld = ({ newestMs }: Part): boolean => newestMs <= nowMs - minimumAgeMs;
  const experiments = await storedExperiments(store, options);
  const sets = await storedSets(store, options);
  const alive = experiments.filter(({ metadata }) => live.some((one) => isSame(one, metadata)));
  const dead = experiments.filter((one) => !alive.includes(one));
  const goingExperiments = dead.filter(isOld);
  const going = new Set(goingExperiments.map(({ key }) => key));
  const staying = experiments.filter(({ key }) => !going.has(key));
  const users = await Promise.all(staying.map(async ({ metadata }) => ({ metadata, hash: await notedHash(store, metadata) })));
  const starting = live.filter(
    ({ isActive, ...one }) => isActive && !users.some(({ metadata, hash }) => hash !== undefined && isSame(one, metadata)),
  );
  const unused = sets.filter(
    ({ hash, namespace }) =>
      !users.some((user) => user.hash === hash && (namespace ?? user.metadata.namespace) === user.metadata.namespace) &&
      // An experiment that has not prepared its data may be about to use a set that exists.
      !starting.some((one) => (namespace ?? one.namespace) === one.namespace),
  );
  const goingSets = unused.filter(isOld);
  return {
    removals: [
      ...goingExperiments.map(({ metadata, ...part }) => removal('experiment', part, whyDead(metadata, live))),
      ...goingSets.map((part) => removal('prepared set', part, 'no experiment uses it')),
    ],
    liveExperiments: alive.length,
    young: dead.length - goingExperiments.length + unused.length - goingSets.length,
  };
}

/**
 * Removes one part, unless it has got an object that is younger than the minimum age since the plan was made. Returns whether it is gone.
 */
export async function removePart(store: ArtifactStore, { key }: Removal, { minimumAgeMs, nowMs }: PruneOptions): Promise<boolean> {
  const objects = await store.list(key);
  if (objects.some(({ modifiedMs }) => modifiedMs > nowMs - minimumAgeMs)) return false;
  await store.remove(key);
  return true;
}

const removal = (kind: Removal['kind'], { key, objects, bytes, newestMs }: Part, why: string): Removal => ({
  kind,
  key,
  objects,
  bytes,
  newestMs,
  why,
});

type Named = Omit<LiveExperiment, 'isActive'>;

const isNamesake = (one: Named, { namespace, name }: ExperimentIdentity['metadata']): boolean =>
  one.namespace === namespace && one.name === name;

const isSame = (one: Named, metadata: ExperimentIdentity['metadata']): boolean =>
  isNamesake(one, metadata) && (one.uid === undefined || one.uid === metadata.uid);

function whyDead(metadata: ExperimentIdentity['metadata'], live: readonly LiveExperiment[]): string {
  const isReplaced = live.some((one) => isNamesake(one, metadata));
  return isReplaced ? 'the experiment was deleted; another one has its name' : 'no such experiment exists';
}

/** Objects by the part of the store that they belong to. `rootOf` returns the key of the part, or undefined for other objects. */
function partsOf(objects: readonly StoredObject[], rootOf: (parts: readonly string[]) => string | undefined): readonly Part[] {
  const groups = Map.groupBy(objects, ({ key }) => rootOf(key.split('/')));
  return [...groups].flatMap(([key, members]) =>
    key === undefined
      ? []
      : [
          {
            key,
            objects: members.length,
            bytes: members.reduce((sum, { size }) => sum + size, 0),
            newestMs: Math.max(...members.map(({ modifiedMs }) => modifiedMs)),
          },
        ],
  );
}

async function storedExperiments(store: ArtifactStore, { namespace }: PruneOptions): Promise<readonly StoredExperiment[]> {
  const objects = await store.list(namespace === undefined ? 'experiments' : `experiments/${namespace}`);
  return partsOf(objects, (parts) => (parts.length > 4 ? parts.slice(0, 4).join('/') : undefined)).map((part) => {
    const [, place = '', name = '', uid = ''] = part.key.split('/');
    return { ...part, metadata: { namespace: place, name, uid } };
  });
}

async function storedSets(store: ArtifactStore, { namespace }: PruneOptions): Promise<readonly StoredSet[]> {
  const objects = await store.list(namespace === undefined ? 'datasets/prepared' : `datasets/prepared/${namespace}`);
  const rootOf = (parts: readonly string[]): string | undefined => {
    const [, , first = '', second = ''] = parts;
    if (parts.length > 4 && HASH.test(second)) return parts.slice(0, 4).join('/');
    return parts.length > 3 && HASH.test(first) ? parts.slice(0, 3).join('/') : undefined;
  };
  return partsOf(objects, rootOf).flatMap((part): StoredSet[] => {
    const [, , first = '', second] = part.key.split('/');
    if (second !== undefined) return [{ ...part, namespace: first, hash: second }];
    return namespace === undefined ? [{ ...part, hash: first }] : [];
  });
}

/** The hash of the prepared set that an experiment uses; undefined if it has not prepared its data. */
async function notedHash(store: ArtifactStore, metadata: ExperimentIdentity['metadata']): Promise<string | undefined> {
  const note = await store.readIfPresent(`${prepareKey({ metadata })}/${FILE.preparedNote}`);
  const { hash } = (parseJson(note?.toString('utf8') ?? '') ?? {}) as { hash?: unknown };
  return typeof hash === 'string' ? hash : undefined;
}
