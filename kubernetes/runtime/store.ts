/**
 * The content of a reflector: the newest known version of each object, from full lists, from a watch that lags behind, and from the answers
 * to own writes, which are ahead of the watch. It reports every change once.
 */
import { type KubernetesObject, keyOf, type ObjectMeta } from '../api/objects.ts';

/**
 * Negative if `a` is older than `b`, positive if it is newer. Since Kubernetes 1.35, versions of all resources are growing decimal integers
 * by contract. They can exceed 2^53, so they are compared as text.
 */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** What is kept of an object: a projection, because thousands are held in memory. Must keep metadata's name, namespace and uid. */
export type Kept = { readonly metadata: ObjectMeta };

/** One change of the store. A modified object comes with its previous state. */
export type Change<KeptItem extends Kept> = {
  readonly type: 'added' | 'modified' | 'deleted';
  /** `namespace/name`, or `name` outside namespaces. */
  readonly key: string;
  readonly object: KeptItem;
  readonly previous?: KeptItem;
  /** `own`: from absorb or forget. `list`: found by a full list, at the start or where the watch had missed it. */
  readonly source: 'watch' | 'list' | 'own';
};

export type Entry<KeptItem> = { readonly object: KeptItem; readonly version: string; readonly uid: string | undefined };

/** A full list: all objects as they were at one version. `number` is the result of {@link Store.beginList} before the request. */
export type Snapshot<KeptItem> = {
  readonly number: number;
  readonly version: string;
  readonly items: ReadonlyMap<string, Entry<KeptItem>>;
};

type StoreOptions<Item, KeptItem extends Kept> = {
  readonly keep: (item: Item) => KeptItem;
  readonly indexBy?: ((kept: KeptItem) => string | undefined) | undefined;
  readonly onChange: (change: Change<KeptItem>) => void;
};
type Source = Change<Kept>['source'];

export class Store<Item extends KubernetesObject, KeptItem extends Kept> {
  /** The version up to which lists and the watch have delivered everything; undefined before the first list. */
  reached: string | undefined;
  readonly #options: StoreOptions<Item, KeptItem>;
  readonly #entries = new Map<string, Entry<KeptItem>>();
  readonly #index = new Map<string, Set<string>>();
  /**
   * The uids of objects that are gone but whose deletion the watch has not delivered yet, with the number of lists that had begun at that
   * time.
   */
  readonly #tombstones = new Map<string | undefined, number>();
  /** Versions of the watch's events since a resync began. */
  #tracked: Map<string, string> | undefined;
  #lists = 0;

  constructor(options: StoreOptions<Item, KeptItem>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): KeptItem | undefined {
    return this.#entries.get(key)?.object;
  }

  list(): readonly KeptItem[] {
    return Array.from(this.#entries.values(), ({ object }) => object);
  }

  indexed(indexKey: string): readonly KeptItem[] {
    return [...(this.#index.get(indexKey) ?? [])].flatMap((key) => this.get(key) ?? []);
  }

  /** The entry of an item. Reuses the stored entry if it has the same version, so that a second list costs no memory. */
  entryOf(item: Item): Entry<KeptItem> {
    const { uid, resourceVersion: version = '' } = item.metadata;
    const known = this.#entries.get(keyOf(item.metadata));
    return known?.version === version ? known : { object: this.#options.keep(item), version, uid };
  }

  /** Applies an event of the watch. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', item: Item): void {
    const key = keyOf(item.metadata);
    const { uid, resourceVersion: version = '' } = item.metadata;
    this.advance(version);
    this.#tracked?.set(key, version);
    if (this.#tombstones.has(uid)) {
      if (type === 'DELETED') this.#tombstones.delete(uid);
      return;
    }
    const known = this.#entries.get(key);
    if (type !== 'DELETED') {
      if (known === undefined || compareVersions(version, known.version) > 0) this.#put(key, this.entryOf(item), 'watch');
    } else if (known !== undefined && compareVersions(version, known.version) >= 0) this.#remove(key, known, 'watch');
  }

  /** The watch has delivered everything up to this version. */
  advance(version: string): void {
    if (this.reached === undefined || compareVersions(version, this.reached) > 0) this.reached = version;
  }

  /** Call before a list is requested. Returns the number of the list. */
  beginList(): number {
    this.#lists += 1;
    return this.#lists;
  }

  /** Takes over a full list after the watch has lost its position. Results of later own writes stay. */
  replace(snapshot: Snapshot<KeptItem>): void {
    // A server that was restored from a backup continues from an earlier version. Only the list is then correct.
    const rewound = this.reached !== undefined && compareVersions(snapshot.version, this.reached) < 0;
    this.#tracked = undefined;
    for (const [key, entry] of snapshot.items) {
      const known = this.#entries.get(key);
      const order = known === undefined ? 1 : compareVersions(entry.version, known.version);
      if (!this.#goneSince(snapshot, entry) && (order > 0 || (rewound && order !== 0))) this.#put(key, entry, 'list');
    }
    for (const [key, entry] of this.#entries) {
      const newer = !rewound && compareVersions(entry.version, snapshot.version) > 0;
      if (!snapshot.items.has(key) && !newer) this.#remove(key, entry, 'list');
    }
    this.#dropTombstones(snapshot);
    this.reached = snapshot.version;
  }

  /** Starts to record what the watch delivers, for {@link fix}. */
  track(): void {
    this.#tracked = new Map();
  }

  untrack(): void {
    this.#tracked = undefined;
  }

  /**
   * Compares with a full list that was requested after {@link track} and that the watch has caught up with. Returns the number of objects
   * that differed from what the watch should have delivered.
   */
  fix(snapshot: Snapshot<KeptItem>): number {
    let repairs = 0;
    const deliveredSince = (key: string): boolean => {
      const version = this.#tracked?.get(key);
      return version !== undefined && compareVersions(version, snapshot.version) > 0;
    };
    for (const [key, entry] of snapshot.items) {
      const known = this.#entries.get(key);
      const stale = known === undefined || compareVersions(known.version, entry.version) < 0;
      if (!stale || deliveredSince(key) || this.#goneSince(snapshot, entry)) continue;
      this.#put(key, entry, 'list');
      repairs += 1;
    }
    for (const [key, entry] of this.#entries) {
      if (snapshot.items.has(key) || deliveredSince(key) || compareVersions(entry.version, snapshot.version) > 0) continue;
      this.#remove(key, entry, 'list');
      repairs += 1;
    }
    this.#dropTombstones(snapshot);
    this.#tracked = undefined;
    return repairs;
  }

  absorb(item: Item): void {
    const key = keyOf(item.metadata);
    const { uid, resourceVersion: version = '' } = item.metadata;
    const known = this.#entries.get(key);
    const delivered = this.reached !== undefined && compareVersions(version, this.reached) <= 0;
    const older = known !== undefined && compareVersions(version, known.version) <= 0;
    if (delivered || older || this.#tombstones.has(uid)) return;
    this.#put(key, this.entryOf(item), 'own');
  }

  forget(item: KubernetesObject): void {
    const key = keyOf(item.metadata);
    const { uid, resourceVersion: version = '' } = item.metadata;
    const known = this.#entries.get(key);
    const here = known !== undefined && known.uid === uid;
    // The object is absent although the watch has passed its version: its deletion was delivered, and no late event can follow.
    const ended = !here && this.reached !== undefined && compareVersions(version, this.reached) <= 0;
    if (ended) return;
    if (here) this.#remove(key, known, 'own');
    if (uid !== undefined) this.#tombstones.set(uid, this.#lists);
  }

  /** Whether the object was forgotten after the list was requested, so that the list may still contain it. */
  #goneSince(snapshot: Snapshot<KeptItem>, { uid }: Entry<KeptItem>): boolean {
    const list = this.#tombstones.get(uid);
    return list !== undefined && list >= snapshot.number;
  }

  #dropTombstones(snapshot: Snapshot<KeptItem>): void {
    for (const [uid, list] of this.#tombstones) if (list < snapshot.number) this.#tombstones.delete(uid);
  }

  #put(key: string, entry: Entry<KeptItem>, source: Source): void {
    const before = this.#entries.get(key);
    // Another object under the same name: a deletion and a creation.
    const replaced = before !== undefined && before.uid !== entry.uid;
    if (before !== undefined && replaced) this.#remove(key, before, source);
    if (before !== undefined && !replaced) this.#unindex(key, before);
    this.#entries.set(key, entry);
    const indexKey = this.#options.indexBy?.(entry.object);
    if (indexKey !== undefined) {
      const keys = this.#index.get(indexKey) ?? new Set();
      this.#index.set(indexKey, keys.add(key));
    }
    const { object } = entry;
    if (before === undefined || replaced) this.#options.onChange({ type: 'added', key, object, source });
    else this.#options.onChange({ type: 'modified', key, object, previous: before.object, source });
  }

  #remove(key: string, entry: Entry<KeptItem>, source: Source): void {
    this.#entries.delete(key);
    this.#unindex(key, entry);
    this.#options.onChange({ type: 'deleted', key, object: entry.object, source });
  }

  #unindex(key: string, { object }: Entry<KeptItem>): void {
    const indexKey = this.#options.indexBy?.(object);
    const keys = indexKey === undefined ? undefined : this.#index.get(indexKey);
    if (indexKey === undefined || keys === undefined) return;
    keys.delete(key);
    if (keys.size === 0) this.#index.delete(indexKey);
  }
}
