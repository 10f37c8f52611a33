import { FakeObjects } from '@carpal/testbed/kubernetes/fake-objects.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../api/objects.ts';
import { keyOf } from '../api/objects.ts';
import type { Change } from './store.ts';
import { compareVersions, type Snapshot, Store } from './store.ts';

const COLLECTION = '/api/v1/namespaces/ns/pods';
type Kept = KubernetesObject;
type Call =
  | { readonly do: 'write'; readonly name: string; readonly answer: 'now' | 'late' | 'never' }
  | { readonly do: 'remove'; readonly name: string; readonly answer: 'now' | 'late' | 'never' }
  | { readonly do: 'deliver'; readonly count: number }
  | { readonly do: 'answers' }
  | { readonly do: 'request-list'; readonly kind: 'relist' | 'resync' }
  | { readonly do: 'take-list' };

/** A store with a watch that lags, answers that come late, and lists that are already old when they arrive. */
class World {
  readonly server = new FakeObjects();
  readonly reported = new Map<string, Kept>();
  readonly gone = new Set<string>();
  readonly store = new Store<KubernetesObject, Kept>({
    keep: (item) => item,
    indexBy: ({ metadata }) => metadata.labels?.['half'],
    onChange: (change) => this.#hear(change),
  });
  repairs = 0;
  #delivered = 0;
  #answers: (() => void)[] = [];
  #list: { readonly kind: 'relist' | 'resync'; readonly snapshot: Snapshot<Kept> } | undefined;

  call(one: Call): void {
    if (one.do === 'write') this.#write(one.name, one.answer);
    else if (one.do === 'remove') this.#remove(one.name, one.answer);
    else if (one.do === 'deliver') this.#deliver(one.count);
    else if (one.do === 'answers') for (const answer of this.#answers.splice(0)) answer();
    else if (one.do === 'request-list') this.#requestList(one.kind);
    else this.#takeList();
    this.#check();
  }

  /** The watch catches up with everything. */
  finish(): void {
    this.call({ do: 'deliver', count: Number.POSITIVE_INFINITY });
    this.call({ do: 'take-list' });
    this.call({ do: 'deliver', count: Number.POSITIVE_INFINITY });
    this.call({ do: 'answers' });
  }

  #write(name: string, answer: string): void {
    const path = `${COLLECTION}/${name}`;
    const object = { metadata: { name, labels: { half: this.server.version % 2 === 0 ? 'even' : 'odd' } } };
    const exists = this.server.list(COLLECTION).some(({ metadata }) => metadata.name === name);
    const written = exists ? this.server.replace(path, object) : this.server.create(COLLECTION, object);
    this.#answer(answer, () => {
      this.store.absorb(written);
      const seen = this.store.get(keyOf(written.metadata));
      const current = this.server.list(COLLECTION).some(({ metadata }) => metadata.uid === written.metadata.uid);
      if (current)
        expect(compareVersions(seen?.metadata.resourceVersion ?? '', written.metadata.resourceVersion ?? '')).toBeGreaterThanOrEqual(0);
    });
  }

  #remove(name: string, answer: string): void {
    const path = `${COLLECTION}/${name}`;
    if (!this.server.list(COLLECTION).some(({ metadata }) => metadata.name === name)) return;
    const removed = this.server.get(path);
    this.server.remove(path);
    this.#answer(answer, () => {
      this.store.forget(removed);
      this.gone.add(removed.metadata.uid ?? '');
    });
  }

  #answer(when: string, answer: () => void): void {
    if (when === 'now') answer();
    else if (when === 'late') this.#answers.push(answer);
  }

  #deliver(count: number): void {
    if (this.store.reached === undefined) return;
    const { history } = this.server;
    for (let i = 0; i < count && this.#delivered < history.length; i++, this.#delivered++) {
      const event = history[this.#delivered]?.event;
      if (event !== undefined && event.type !== 'BOOKMARK' && event.type !== 'ERROR') this.store.apply(event.type, event.object);
    }
  }

  #requestList(kind: 'relist' | 'resync'): void {
    if (this.#list !== undefined) return;
    const chosen = this.store.reached === undefined ? 'relist' : kind;
    if (chosen === 'resync') this.store.track();
    const number = this.store.beginList();
    const items = new Map(this.server.list(COLLECTION).map((item) => [keyOf(item.metadata), this.store.entryOf(item)]));
    this.#list = { kind: chosen, snapshot: { number, version: String(this.server.version), items } };
  }

  /** A resync waits for the watch. A relist runs without a watch; the next watch starts at the version of the list. */
  #takeList(): void {
    if (this.#list === undefined) return;
    const { kind, snapshot } = this.#list;
    if (kind === 'resync') {
      if (compareVersions(this.store.reached ?? '', snapshot.version) < 0) return;
      this.repairs += this.store.fix(snapshot);
    } else if (this.store.reached === undefined || compareVersions(this.store.reached, snapshot.version) <= 0) {
      this.store.replace(snapshot);
      this.#delivered = this.server.history.findIndex(({ version }) => version > Number(snapshot.version));
      if (this.#delivered === -1) this.#delivered = this.server.history.length;
    }
    this.#list = undefined;
  }

  #hear({ type, key, object, previous }: Change<Kept>): void {
    expect(this.reported.get(key)).toBe(type === 'modified' ? previous : type === 'added' ? undefined : object);
    if (type === 'modified') expect(previous?.metadata.resourceVersion).not.toBe(object.metadata.resourceVersion);
    if (type === 'deleted') this.reported.delete(key);
    else this.reported.set(key, object);
  }

  #check(): void {
    const all = this.store.list();
    expect(new Map(all.map((object) => [keyOf(object.metadata), object]))).toEqual(this.reported);
    for (const { metadata } of all) expect(this.gone).not.toContain(metadata.uid);
    const halves = [...this.store.indexed('even'), ...this.store.indexed('odd')];
    expect(new Set(halves)).toEqual(new Set(all));
    expect(halves.length).toBe(all.length);
  }
}

describe('a store with a lagging watch, late answers and old lists', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const answer = fc.constantFrom('now' as const, 'late' as const, 'never' as const);
  const call: fc.Arbitrary<Call> = fc.oneof(
    fc.record({ do: fc.constant('write'), name, answer }),
    fc.record({ do: fc.constant('remove'), name, answer }),
    fc.record({ do: fc.constant('deliver'), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant('answers') }),
    fc.record({ do: fc.constant('request-list'), kind: fc.constantFrom('relist', 'resync') }),
    fc.record({ do: fc.constant('take-list') }),
  );

  it('reports each change once, shows own writes, never revives what is gone, repairs only what was lost, and ends in the state of the server', () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 50 }), (calls) => {
        const world = new World();
        world.call({ do: 'request-list', kind: 'relist' });
        world.call({ do: 'take-list' });
        for (const one of calls) world.call(one);
        world.finish();
        expect(new Set(world.store.list())).toEqual(new Set(world.server.list(COLLECTION)));
        expect(world.repairs).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });
});
