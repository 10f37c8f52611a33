/** The objects of the fake API server and their history. They follow the rules of the API: one counter of versions, conflicts, expiry. */
import type { KubernetesObject, WatchEvent } from '@carpal/kubernetes/api/objects.ts';

export type HistoryEvent = { readonly version: number; readonly path: string; readonly event: WatchEvent<KubernetesObject> };

export class Rejected extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
    this.reason = reason;
  }
}

const collectionOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/** Objects by path: `/apis/batch/v1/namespaces/default/jobs/wrist`. */
export class FakeObjects {
  /** The version of the latest write. */
  version = 100;
  /** Watches from before this version have expired. */
  oldest = 0;
  readonly history: HistoryEvent[] = [];
  readonly #objects = new Map<string, KubernetesObject>();
  #uids = 0;

  get(path: string): KubernetesObject {
    const object = this.#objects.get(path);
    if (object === undefined) throw new Rejected(404, 'NotFound');
    return object;
  }

  /** The objects of a collection, in one namespace or in all: `/api/v1/pods` contains `/api/v1/namespaces/x/pods/y`. */
  list(collection: string): readonly KubernetesObject[] {
    return [...this.#objects].flatMap(([path, object]) => (FakeObjects.holds(collection, path) ? [object] : []));
  }

  static holds(collection: string, path: string): boolean {
    const own = collectionOf(path);
    return own === collection || own.replace(/\/namespaces\/[^/]+/, '') === collection;
  }

  create(collection: string, body: KubernetesObject): KubernetesObject {
    const path = `${collection}/${body.metadata.name}`;
    if (this.#objects.has(path)) throw new Rejected(409, 'AlreadyExists');
    const namespace = /\/namespaces\/([^/]+)/.exec(collection)?.[1];
    this.#uids += 1;
    const metadata = { ...(namespace === undefined ? {} : { namespace }), uid: `uid-${this.#uids}`, ...body.metadata };
    return this.#write(path, 'ADDED', { ...body, metadata });
  }

  replace(path: string, body: KubernetesObject): KubernetesObject {
    const { metadata } = this.get(path);
    const expected = body.metadata.resourceVersion;
    if (expected !== undefined && expected !== metadata.resourceVersion) throw new Rejected(409, 'Conflict');
    return this.#write(path, 'MODIFIED', { ...body, metadata: { ...metadata, ...body.metadata } });
  }

  remove(path: string): KubernetesObject {
    const object = this.get(path);
    this.#objects.delete(path);
    return this.#record(path, 'DELETED', object);
  }

  /** Changes or removes objects without events for watches. */
  withoutEvents(change: () => void): void {
    const { length } = this.history;
    change();
    this.history.length = length;
  }

  /** Deletes the history, as the server does after a long time. */
  compact(): void {
    this.version += 1;
    this.oldest = this.version;
    this.history.length = 0;
  }

  #write(path: string, type: 'ADDED' | 'MODIFIED', object: KubernetesObject): KubernetesObject {
    const written = this.#record(path, type, object);
    this.#objects.set(path, written);
    return written;
  }

  #record(path: string, type: WatchEvent<KubernetesObject>['type'], object: KubernetesObject): KubernetesObject {
    this.version += 1;
    const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } };
    this.history.push({ version: this.version, path, event: { type, object: versioned } });
    return versioned;
  }
}
