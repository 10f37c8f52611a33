import { FakeApiServer, type Fault, fault } from '@carpal/testbed/kubernetes/fake-api-server.ts';
import { type ManualTimers, manualTimers } from '@carpal/testbed/kubernetes/manual-timers.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Connection, connect } from '../api/connect.ts';
import type { KubernetesObject } from '../api/objects.ts';
import { JOBS, resourcePath } from '../api/resource-path.ts';
import { createReflector } from './reflector.ts';
import type { Reflector, ReflectorOptions } from './reflector-types.ts';
import type { Change } from './store.ts';

const NAMESPACE = resourcePath(JOBS, { namespace: 'default' });
const COLLECTION = resourcePath(JOBS);
const job = (name: string, owner = 'wrist'): KubernetesObject => ({ metadata: { name, labels: { owner } } });
const serve: Fault = (_response, _request, serveIt) => serveIt();

let server: FakeApiServer;
let client: Connection;
let timers: ManualTimers;
let stop: AbortController;
let changes: Change<KubernetesObject>[];
let running: Promise<void> | undefined;

beforeEach(async () => {
  server = await FakeApiServer.start();
  client = await connect({ server: server.url, timeoutMs: 5000 });
  timers = manualTimers();
  stop = new AbortController();
  changes = [];
});
afterEach(async () => {
  stop.abort();
  await running;
  running = undefined;
  client.close();
  await server.stop();
});

type Options = Partial<ReflectorOptions<KubernetesObject, KubernetesObject>>;

function make(options: Options = {}): Reflector<KubernetesObject, KubernetesObject> {
  const reflector = createReflector<KubernetesObject, KubernetesObject>({
    client,
    path: COLLECTION,
    keep: ({ metadata }) => ({ metadata }),
    indexBy: ({ metadata }) => metadata.labels?.['owner'],
    onChange: (change) => changes.push(change),
    random: () => 0.5,
    resyncMs: 0,
    timers,
    ...options,
  });
  running = reflector.run(stop.signal);
  return reflector;
}

async function made(options: Options = {}): Promise<Reflector<KubernetesObject, KubernetesObject>> {
  const reflector = make(options);
  await reflector.synced;
  await watching();
  return reflector;
}

const soon = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 2, timeout: 4000 });
const watching = (): Promise<void> => soon(() => expect(server.openWatches).toBe(1));
/**
 * Waits until the reflector waits and the server has seen its watch end (a new watch could otherwise be taken for the old one). Then
 * advances the time to the next round. Returns the wait in milliseconds.
 */
async function round(): Promise<number> {
  await soon(() => expect([timers.pending, server.openWatches]).toEqual([1, 0]));
  return timers.runNext();
}
const reported = (): string[] => changes.map(({ type, key, source }) => `${type} ${key} by ${source}`);
const create = (name: string): KubernetesObject => server.change((objects) => objects.create(NAMESPACE, job(name)));
const replace = (name: string): KubernetesObject => server.change((objects) => objects.replace(`${NAMESPACE}/${name}`, job(name)));
const remove = (name: string): KubernetesObject => server.change((objects) => objects.remove(`${NAMESPACE}/${name}`));
const queries = (verb: 'list' | 'watch'): Record<string, string>[] =>
  server.requests.filter((request) => request.verb === verb).map(({ query }) => Object.fromEntries(query));

describe('a reflector', () => {
  it('lists in pages, then watches from the version of the list with bookmarks and a time limit', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) create(name);
    const reflector = await made({ pageSize: 2, query: { labelSelector: 'x=y' } });
    expect(queries('list')).toEqual([
      { labelSelector: 'x=y', limit: '2' },
      { labelSelector: 'x=y', limit: '2', continue: '105:2' },
      { labelSelector: 'x=y', limit: '2', continue: '105:4' },
    ]);
    expect(queries('watch')).toEqual([
      { labelSelector: 'x=y', resourceVersion: '105', allowWatchBookmarks: 'true', timeoutSeconds: '270', watch: 'true' },
    ]);
    expect(reflector.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(reflector.stats).toMatchObject({ lists: 1, relists: 0, watches: 1 });
  });

  it('restarts the list without pages when the token of a page has expired', async () => {
    for (const name of ['a', 'b', 'c']) create(name);
    server.next('list', serve, fault.reject(410, 'Expired'));
    const reflector = await made({ pageSize: 2 });
    expect(queries('list')).toEqual([{ limit: '2' }, { limit: '2', continue: '103:2' }, {}]);
    expect(reported()).toEqual(['added default/a by list', 'added default/b by list', 'added default/c by list']);
    expect(reflector.size).toBe(3);
  });

  it('follows creations, changes and deletions, and finds objects by key and by index', async () => {
    const reflector = await made();
    create('a');
    server.change((objects) => objects.create(NAMESPACE, job('b', 'ankle')));
    replace('a');
    await soon(() => expect(changes.length).toBe(3));
    expect(reflector.indexed('wrist').map(({ metadata }) => metadata.resourceVersion)).toEqual(['103']);
    expect(reflector.indexed('ankle').length).toBe(1);
    remove('a');
    await soon(() => expect(reflector.get('default/a')).toBeUndefined());
    expect(reflector.indexed('wrist')).toEqual([]);
    expect(reported().slice(2)).toEqual(['modified default/a by watch', 'deleted default/a by watch']);
    expect(changes[2]?.previous?.metadata.resourceVersion).toBe('101');
  });

  it('reports an object that replaced another of the same name as a deletion and a creation', async () => {
    create('a');
    await made();
    server.endWatches('cut');
    remove('a');
    create('a');
    server.objects.compact();
    await round();
    await round();
    await soon(() => expect(changes.length).toBe(3));
    expect(reported().slice(1)).toEqual(['deleted default/a by list', 'added default/a by list']);
  });

  it('stops when its signal aborts, leaving neither a connection nor a timer', async () => {
    await made({ resyncMs: 1000 });
    stop.abort();
    await running;
    expect(timers.pending).toBe(0);
    await soon(() => expect(server.openWatches).toBe(0));
  });
});

describe('a reflector whose watch fails', () => {
  it('continues where the connection broke, and misses nothing', async () => {
    const reflector = await made();
    create('a');
    await soon(() => expect(changes.length).toBe(1));
    server.endWatches('cut');
    create('b');
    await round();
    await watching();
    create('c');
    await soon(() => expect(reflector.size).toBe(3));
    expect(queries('watch')[1]?.['resourceVersion']).toBe('101');
    expect(reflector.stats).toMatchObject({ lists: 1, relists: 0, watches: 2, errors: 1 });
  });

  it('continues from the last bookmark if nothing else has arrived', async () => {
    await made();
    server.objects.version = 5000;
    server.bookmark();
    create('a');
    await soon(() => expect(changes.length).toBe(1));
    server.objects.version = 9000;
    server.bookmark();
    await new Promise(setImmediate);
    server.endWatches('cleanly');
    await round();
    await watching();
    expect(['5001', '9000']).toContain(queries('watch')[1]?.['resourceVersion']);
    expect(changes.length).toBe(1);
  });

  it('does not loop fast when watches end immediately: it waits at least a second, then ever longer', async () => {
    await made();
    server.next('watch', ...Array.from({ length: 8 }, () => fault.text('')));
    server.endWatches('cleanly');
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) waits.push(await round());
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1000);
    expect(waits.at(-1)).toBeGreaterThan(20_000);
    expect(server.count('list')).toBe(1);
  });

  it('does not loop fast when each watch delivers one event and ends', async () => {
    await made();
    for (let i = 0; i < 5; i++) {
      create(`a${i}`);
      await soon(() => expect(changes.length).toBe(i + 1));
      server.endWatches('cleanly');
      expect(await round()).toBeGreaterThanOrEqual(1000);
      await watching();
    }
  });

  it('watches again immediately after a long watch', async () => {
    await made();
    timers.advance(270_000);
    server.endWatches('cleanly');
    expect(await round()).toBe(0);
    await watching();
  });

  it('lists again when its position in the history has expired, and reports what disappeared meanwhile', async () => {
    create('a');
    create('b');
    const reflector = await made();
    server.endWatches('cut');
    remove('a');
    create('c');
    server.objects.compact();
    await round();
    await round();
    await watching();
    expect(reported().slice(2)).toEqual(['added default/c by list', 'deleted default/a by list']);
    expect(reflector.stats).toMatchObject({ lists: 2, relists: 1 });
  });

  it('lists again when the watch is rejected as expired', async () => {
    const reflector = await made();
    server.next('watch', fault.reject(410, 'Expired'));
    server.endWatches('cut');
    await round();
    await round();
    await watching();
    expect(reflector.stats.relists).toBe(1);
  });

  it('does not loop fast when the server reports every position as expired', async () => {
    await made();
    server.next('watch', ...Array.from({ length: 8 }, () => fault.reject(410, 'Expired')));
    server.endWatches('cut');
    let waited = 0;
    for (let i = 0; i < 8; i++) waited += await round();
    expect(waited).toBeGreaterThan(60_000);
  });

  it('waits as long as an overloaded server asks for', async () => {
    await made();
    server.next('watch', fault.reject(429, 'TooManyRequests', { 'retry-after': '17' }));
    server.endWatches('cut');
    await round();
    expect(await round()).toBe(17_000);
    await watching();
    expect(server.count('list')).toBe(1);
  });

  it('lists again after five rejections in a row, in case its position is the cause', async () => {
    const reflector = await made();
    server.next('watch', ...Array.from({ length: 5 }, () => fault.reject(504, 'Timeout')));
    server.endWatches('cut');
    for (let i = 0; i < 6; i++) await round();
    await watching();
    expect(reflector.stats).toMatchObject({ relists: 1, errors: 6 });
  });

  it('does not skip a line that it cannot read', async () => {
    const reflector = await made();
    server.send('{"type": "ADDED", "object": {"meta\n');
    await round();
    await watching();
    server.send({ type: 'ADDED', object: {} });
    await round();
    await watching();
    server.send({ type: 'SURPRISE', object: job('a') });
    await round();
    await watching();
    expect(reflector.stats.errors).toBe(3);
    create('a');
    await soon(() => expect(reflector.size).toBe(1));
  });

  it('closes a watch on which nothing arrives any more, and one that never opens', async () => {
    const reflector = await made({ inactivityMs: 40 });
    server.next('watch', fault.hang());
    await round();
    await round();
    await watching();
    expect(reflector.stats.errors).toBe(2);
    expect(reflector.quietMs()).toBeLessThan(1000);
  });

  it('waits ever longer for a server that cannot list, and is synced only when a list succeeds', async () => {
    server.next('list', ...Array.from({ length: 8 }, () => fault.reject(500, 'InternalError')));
    const reflector = make();
    let isSynced = false;
    void reflector.synced.then(() => {
      isSynced = true;
    });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      expect(isSynced).toBe(false);
      waits.push(await round());
    }
    expect(waits).toEqual([1500, 1500, 1500, 3000, 6000, 12_000, 22_500, 22_500]);
    await reflector.synced;
  });

  it('trusts the list when the server was restored from an older copy', async () => {
    create('a');
    create('b');
    const reflector = await made();
    server.endWatches('cut');
    server.objects.withoutEvents(() => server.objects.remove(`${NAMESPACE}/b`));
    server.objects.version = 50;
    server.objects.history.length = 0;
    server.next('watch', fault.reject(410, 'Expired'));
    await round();
    await round();
    await watching();
    expect(reflector.list().map(({ metadata }) => metadata.name)).toEqual(['a']);
    expect(queries('watch').at(-1)?.['resourceVersion']).toBe('50');
  });

  it('survives a listener that throws', async () => {
    const reflector = await made({
      onChange: () => {
        throw new Error('listener');
      },
    });
    create('a');
    create('b');
    await soon(() => expect(reflector.size).toBe(2));
    expect(server.count('watch')).toBe(1);
  });
});

describe('a resync', () => {
  const RESYNC = { resyncMs: 600_000 };
  const resync = async (): Promise<void> => {
    const before = server.count('list');
    timers.advance(600_000);
    await soon(() => expect(server.count('list')).toBe(before + 1));
  };

  it('repairs what the watch has missed, counts it, and changes nothing else', async () => {
    for (const name of ['same', 'stale', 'left']) create(name);
    const reflector = await made(RESYNC);
    server.objects.withoutEvents(() => {
      server.objects.replace(`${NAMESPACE}/stale`, job('stale'));
      server.objects.remove(`${NAMESPACE}/left`);
      server.objects.create(NAMESPACE, job('missing'));
    });
    await resync();
    await soon(() => expect(reflector.stats.lists).toBe(2));
    expect(reflector.stats.repairs).toBe(0);
    server.bookmark();
    await soon(() => expect(reflector.stats.repairs).toBe(3));
    expect(reported().slice(3).toSorted()).toEqual([
      'added default/missing by list',
      'deleted default/left by list',
      'modified default/stale by list',
    ]);
    expect(reflector.stats).toMatchObject({ relists: 0, watches: 1, errors: 0 });
  });

  it('repairs and reports nothing when the watch has delivered everything, even late', async () => {
    for (const name of ['a', 'b']) create(name);
    const reflector = await made(RESYNC);
    server.next('list', (_response, _request, serveIt) => {
      // Changed before the list is taken, and again afterwards.
      replace('a');
      serveIt();
      remove('a');
      create('c');
    });
    await resync();
    await soon(() => expect(reflector.stats.lists).toBe(2));
    server.bookmark();
    await soon(() => expect(reflector.size).toBe(2));
    await soon(() => expect(changes.length).toBe(5));
    expect(reflector.stats.repairs).toBe(0);
  });

  it('completes after two watches if the server sends no bookmarks', async () => {
    const reflector = await made(RESYNC);
    server.objects.withoutEvents(() => server.objects.create(NAMESPACE, job('missing')));
    await resync();
    await soon(() => expect(reflector.stats.lists).toBe(2));
    for (let i = 0; i < 2; i++) {
      server.endWatches('cleanly');
      await soon(() => expect(timers.pending).toBe(2));
      timers.advance(3000);
      await watching();
    }
    expect(reflector.stats.repairs).toBe(1);
  });

  it('that fails runs again at its next time', async () => {
    const reflector = await made(RESYNC);
    server.next('list', fault.reject(500, 'InternalError'));
    await resync();
    await soon(() => expect(timers.pending).toBe(1));
    expect(reflector.stats.errors).toBe(1);
    await resync();
    await soon(() => expect(reflector.stats.lists).toBe(2));
  });
});

describe('own writes', () => {
  it('are visible immediately, and reported once, not again by the watch', async () => {
    const reflector = await made();
    const written = server.objects.create(NAMESPACE, job('a'));
    reflector.absorb(written);
    expect(reflector.get('default/a')?.metadata.resourceVersion).toBe('101');
    create('b');
    await soon(() => expect(changes.length).toBe(2));
    expect(reported()).toEqual(['added default/a by own', 'added default/b by watch']);
  });

  it('do not bring an object back if their answer comes after its deletion', async () => {
    const reflector = await made();
    const written = create('a');
    remove('a');
    await soon(() => expect(changes.length).toBe(2));
    reflector.absorb(written);
    expect(reflector.size).toBe(0);
  });

  it('that delete an object remove it immediately, and late events do not bring it back', async () => {
    const object = create('a');
    const reflector = await made();
    server.objects.replace(`${NAMESPACE}/a`, job('a'));
    server.objects.remove(`${NAMESPACE}/a`);
    reflector.forget(object);
    expect(reflector.size).toBe(0);
    create('b');
    await soon(() => expect(reflector.size).toBe(1));
    expect(reported()).toEqual(['added default/a by list', 'deleted default/a by own', 'added default/b by watch']);
  });
});
