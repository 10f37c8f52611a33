import { FakeApiServer, type Fault, fault } from '@carpal/testbed/kubernetes/fake-api-server.ts';
import { type ManualTimers, manualTimers } from '@carpal/testbed/kubernetes/manual-timers.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Connection, connect } from '../api/connect.ts';
import { LEASES, resourcePath } from '../api/resource-path.ts';
import { type ElectionOptions, electLeader } from './leader-election.ts';
import type { Lease } from './lease.ts';

const PLACE = { namespace: 'carpal', name: 'carpal-operator' };
const PATH = resourcePath(LEASES, PLACE);
const WALL = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));

let server: FakeApiServer;
let client: Connection;
let candidates: Candidate[];

beforeEach(async () => {
  server = await FakeApiServer.start();
  client = await connect({ server: server.url, timeoutMs: 5000 });
  candidates = [];
});
afterEach(async () => {
  for (const { stop, timers, ended } of candidates) {
    stop.abort();
    let over = false;
    const end = (): void => {
      over = true;
    };
    ended.then(end, end);
    await soon(() => {
      timers.advance(1000);
      expect(over).toBe(true);
    });
  }
  client.close();
  await server.stop();
});

type Candidate = { timers: ManualTimers; stop: AbortController; ended: Promise<void>; terms: AbortSignal[]; finish: () => void };

/** A candidate with its own clock. Its work lasts until its leadership ends, or with `slow` until `finish` is called. */
function stand(identity: string, options: Partial<ElectionOptions> & { slow?: boolean } = {}): Candidate {
  const timers = manualTimers();
  const stop = new AbortController();
  const terms: AbortSignal[] = [];
  const candidate: Candidate = { timers, stop, ended: Promise.resolve(), terms, finish: () => {} };
  candidate.ended = electLeader({
    ...{ client, ...PLACE, identity, timers, now: () => WALL, random: () => 0, signal: stop.signal, ...options },
    onElected: (leadership) => {
      terms.push(leadership);
      return new Promise((resolve) => {
        candidate.finish = resolve;
        if (options.slow !== true) leadership.addEventListener('abort', () => resolve(), { once: true });
      });
    },
  });
  candidates.push(candidate);
  return candidate;
}

const soon = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 2, timeout: 4000 });
const lease = (): Lease => server.objects.get(PATH) as Lease;
const elected = (candidate: Candidate, times = 1): Promise<void> => soon(() => expect(candidate.terms.length).toBe(times));
/** Advances the candidate's time to its next try and waits for the request of that try. */
async function tryAgain(candidate: Candidate, pending = 1): Promise<void> {
  await soon(() => expect(candidate.timers.pending).toBe(pending));
  const before = server.requests.length;
  candidate.timers.advance(2000);
  await soon(() => expect(server.requests.length).toBeGreaterThan(before));
}
/** One renewal of a leader. It has two timers: its next try and its expiry. */
const renew = (candidate: Candidate): Promise<void> => tryAgain(candidate, 2);
const crash = (candidate: Candidate): void => {
  candidates = candidates.filter((one) => one !== candidate);
};

describe('an election', () => {
  it('is won immediately if there is no Lease, with times in microseconds', async () => {
    await elected(stand('a'));
    expect(lease().spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-02T03:04:05.678000Z',
      renewTime: '2026-01-02T03:04:05.678000Z',
      leaseTransitions: 0,
    });
  });

  it('has one winner among concurrent candidates', async () => {
    const all = ['a', 'b', 'c', 'd'].map((identity) => stand(identity));
    await soon(() => expect(all.some(({ terms }) => terms.length > 0)).toBe(true));
    for (const loser of all.filter(({ terms }) => terms.length === 0)) await tryAgain(loser);
    expect(all.filter(({ terms }) => terms.length > 0).length).toBe(1);
  });

  it('is not won while the leader renews, however wrong the clocks are', async () => {
    const leader = stand('a');
    await elected(leader);
    // The wall clock of this candidate is a year ahead, so every renewal looks old to it.
    const other = stand('b', { now: () => new Date(WALL.getTime() + 365 * 86_400_000) });
    for (let i = 0; i < 20; i++) {
      await renew(leader);
      await tryAgain(other);
    }
    expect([leader.terms.length, other.terms.length]).toEqual([1, 0]);
    expect(leader.terms[0]?.aborted).toBe(false);
  });

  it('is won when the Lease has not changed for its whole duration on the own clock, not earlier', async () => {
    const leader = stand('a');
    await elected(leader);
    crash(leader);
    const other = stand('b');
    // Seen first at 0, free after 15 s: the tries at 2, 4, … 14 s fail, the one at 16 s wins.
    for (let i = 0; i < 7; i++) await tryAgain(other);
    await soon(() => expect(other.timers.pending).toBe(1));
    expect(other.terms.length).toBe(0);
    await tryAgain(other);
    await elected(other);
    expect(other.timers.now()).toBe(16_000);
    expect(lease().spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('continues when the server rejects requests or cannot be reached', async () => {
    server.next('get', fault.reject(500, 'InternalError'), fault.reject(429, 'TooManyRequests'), fault.reject(403, 'Forbidden'));
    const candidate = stand('a');
    for (let i = 0; i < 3; i++) await tryAgain(candidate);
    await elected(candidate);
  });

  it('is lost when another candidate takes the Lease between the read and the write', async () => {
    server.change((objects) => objects.create(resourcePath(LEASES, { namespace: 'carpal' }), { metadata: { name: PLACE.name } }));
    const quicker: Fault = (_response, _request, serve) => {
      server.objects.replace(PATH, {
        metadata: { name: PLACE.name },
        spec: { holderIdentity: 'quick', leaseDurationSeconds: 15 },
      } as Lease);
      serve();
    };
    server.next('update', quicker);
    const candidate = stand('a');
    await tryAgain(candidate);
    expect(candidate.terms.length).toBe(0);
    expect(lease().spec?.holderIdentity).toBe('quick');
  });
});

describe('a leader', () => {
  it('steps down immediately when another candidate holds the Lease, and becomes a candidate again', async () => {
    const leader = stand('a');
    await elected(leader);
    const taken = { ...lease(), spec: { holderIdentity: 'b', leaseDurationSeconds: 15 } };
    server.objects.replace(PATH, taken);
    await renew(leader);
    await soon(() => expect(leader.terms[0]?.aborted).toBe(true));
    expect(lease().spec?.holderIdentity).toBe('b');
    await soon(() => expect(leader.timers.pending).toBe(1));
    server.objects.replace(PATH, { ...lease(), spec: { holderIdentity: '' } } as Lease);
    await tryAgain(leader);
    await elected(leader, 2);
  });

  it('that cannot renew steps down after renewMs, before another candidate can lead', async () => {
    const leader = stand('a');
    await elected(leader);
    server.next('update', ...Array.from({ length: 10 }, () => fault.reject(500, 'InternalError')));
    for (let i = 0; i < 4; i++) await renew(leader);
    expect(leader.terms[0]?.aborted).toBe(false);
    await soon(() => expect(leader.timers.pending).toBe(2));
    leader.timers.advance(2000);
    expect(leader.timers.now()).toBe(10_000);
    expect(leader.terms[0]?.aborted).toBe(true);
  });

  it('steps down in time even while its request hangs', async () => {
    const leader = stand('a');
    await elected(leader);
    server.next('update', fault.hang());
    await renew(leader);
    leader.timers.advance(7999);
    expect(leader.terms[0]?.aborted).toBe(false);
    leader.timers.advance(1);
    expect(leader.terms[0]?.aborted).toBe(true);
    // Releases the request, so that the candidate can end.
    await server.stop();
  });

  it('counts its time from the request, not from a late answer', async () => {
    const leader = stand('a');
    await elected(leader);
    server.next('update', (_response, _request, serve) => {
      leader.timers.advance(6000);
      serve();
    });
    await renew(leader);
    await soon(() => expect(leader.timers.pending).toBe(2));
    server.next('update', fault.hang());
    // Sent at 2 s, answered at 8 s: it expires at 12 s.
    leader.timers.advance(3999);
    expect(leader.terms[0]?.aborted).toBe(false);
    leader.timers.advance(1);
    expect(leader.terms[0]?.aborted).toBe(true);
    await server.stop();
  });

  it('continues after a renewal whose answer was lost', async () => {
    const leader = stand('a');
    await elected(leader);
    server.next('update', fault.loseAnswer());
    await renew(leader);
    await renew(leader);
    await soon(() => expect(leader.timers.pending).toBe(2));
    await renew(leader);
    expect(leader.terms[0]?.aborted).toBe(false);
    expect(leader.terms.length).toBe(1);
  });

  it('releases the Lease when it ends, so that the next candidate does not have to wait', async () => {
    const leader = stand('a');
    await elected(leader);
    leader.stop.abort();
    await leader.ended;
    expect(leader.terms[0]?.aborted).toBe(true);
    expect(lease().spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    const other = stand('b');
    await elected(other);
    expect(other.timers.now()).toBe(0);
  });

  it('renews until its work has ended, and only then releases the Lease', async () => {
    const leader = stand('a', { slow: true });
    await elected(leader);
    leader.stop.abort();
    for (let i = 0; i < 10; i++) await renew(leader);
    expect(lease().spec?.holderIdentity).toBe('a');
    leader.finish();
    await leader.ended;
    expect(lease().spec?.holderIdentity).toBe('');
    expect(leader.timers.pending).toBe(0);
  });

  it('releases the Lease and passes the error on when its work fails', async () => {
    const stop = new AbortController();
    const work = electLeader({
      ...{ client, ...PLACE, identity: 'a', timers: manualTimers(), now: () => WALL, random: () => 0, signal: stop.signal },
      onElected: () => Promise.reject(new Error('work')),
    });
    await expect(work).rejects.toThrow('work');
    expect(lease().spec?.holderIdentity).toBe('');
  });
});
