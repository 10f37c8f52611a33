import { ApiError, isStatus } from '../api/api-error.ts';
import type { KubernetesClient } from '../api/client.ts';
import { LEASES, resourcePath } from '../api/resource-path.ts';
import { heldLease, type Lease, type LeaseSighting, mayTake, releasedLease, sight } from './lease.ts';
import { type Log, silentLog } from './logger.ts';
import { pause, systemTimers, type Timers } from './timers.ts';

/**
 * Elects one leader among replicas by a Lease. A replica takes the Lease when it has not changed for its whole duration, measured on the
 * replica's own monotonic clock. A leader that cannot renew steps down well before another replica may take over, even if its request never
 * returns.
 */

/**
 * Whether this process certainly holds the Lease now. Ask before each write: a process that was frozen resumes in the middle of its work,
 * before any timer fires.
 */
export type IsHeld = () => boolean;

export type ElectionOptions = {
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process: the pod's name and a random part. */
  readonly identity: string;
  /** How long others wait for a leader that no longer renews. Default: 15,000. */
  readonly leaseMs?: number;
  /** A leader that has not renewed for this long steps down. Must be less than `leaseMs`. Default: 10,000. */
  readonly renewMs?: number;
  /** The time between two tries to take or renew. Default: 2,000. */
  readonly retryMs?: number;
  readonly timers?: Timers;
  /** The wall clock, for the times in the Lease. */
  readonly now: () => Date;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Ends the candidacy and the leadership. */
  readonly signal: AbortSignal;
  /** The leader's work. It must end after `leadership` aborts. The Lease is held until then, as long as it can be renewed. */
  readonly onElected: (leadership: AbortSignal, isHeld: IsHeld) => Promise<void>;
  readonly log?: Log;
};

type Settings = ElectionOptions & Required<Pick<ElectionOptions, 'leaseMs' | 'renewMs' | 'retryMs' | 'timers' | 'log'>>;

class Candidate {
  readonly #settings: Settings;
  #seen: LeaseSighting | undefined;
  #heldUntilMs = Number.NEGATIVE_INFINITY;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  readonly isHeld: IsHeld = () => this.#settings.timers.now() < this.#heldUntilMs;

  /** Waits until the Lease is free and takes it. Undefined if `signal` aborts first. */
  async acquire(): Promise<{ lease: Lease; renewedAtMs: number } | undefined> {
    const { signal, timers, retryMs, random, log } = this.#settings;
    while (!signal.aborted) {
      const askedAtMs = timers.now();
      try {
        const lease = await this.#tryToTake();
        if (lease !== undefined) return { lease, renewedAtMs: askedAtMs };
      } catch (error) {
        // 409: another candidate was faster.
        if (!isStatus(error, 409) && !signal.aborted) log.warn({ error }, 'the lease cannot be read or taken');
      }
      await pause(timers, retryMs * (1 + random() / 2), signal);
    }
    return undefined;
  }

  /** Renews until `stop` aborts or the Lease is lost. Returns the Lease if it is still held. */
  async hold(first: Lease, firstRenewedAtMs: number, stop: AbortSignal, onLost: () => void): Promise<Lease | undefined> {
    const { timers, renewMs, retryMs, log } = this.#settings;
    let lease: Lease = first;
    let lost = false;
    const lose = (why: string): void => {
      if (lost) return;
      lost = true;
      this.#heldUntilMs = Number.NEGATIVE_INFINITY;
      log.error({ why }, 'leadership lost');
      onLost();
    };
    // A separate timer, because a request that hangs must not prolong the leadership.
    const expireAfter = (renewedAtMs: number): (() => void) => {
      this.#heldUntilMs = renewedAtMs + renewMs;
      return timers.after(this.#heldUntilMs - timers.now(), () => lose('the lease could not be renewed in time'));
    };
    let cancelExpiry = expireAfter(firstRenewedAtMs);
    while (!stop.aborted && !lost) {
      await pause(timers, retryMs, stop);
      if (stop.aborted || lost) break;
      const askedAtMs = timers.now();
      try {
        const renewed = await this.#renew(lease);
        if (renewed === undefined) lose('another replica holds the lease');
        else if (!lost) {
          lease = renewed;
          cancelExpiry();
          cancelExpiry = expireAfter(askedAtMs);
        }
      } catch (error) {
        log.warn({ error }, 'the lease cannot be renewed');
      }
    }
    cancelExpiry();
    return lost ? undefined : lease;
  }

  async release(lease: Lease): Promise<void> {
    try {
      await this.#put(releasedLease(lease, this.#settings.now()));
    } catch (error) {
      this.#settings.log.warn({ error }, 'the lease cannot be released; other replicas must wait until it expires');
    }
  }

  async #tryToTake(): Promise<Lease | undefined> {
    const { client, namespace, name, identity, leaseMs, timers, now, signal } = this.#settings;
    const lease = await this.#read(signal);
    if (lease === undefined) {
      const path = resourcePath(LEASES, { namespace });
      return client.request<Lease>({
        method: 'POST',
        path,
        body: heldLease({ namespace, name, identity, leaseMs }, undefined, now()),
        signal,
      });
    }
    this.#seen = sight(this.#seen, lease, timers.now());
    if (!mayTake(lease, this.#seen, identity, timers.now(), leaseMs)) return undefined;
    return this.#put(heldLease({ namespace, name, identity, leaseMs }, lease, now()), signal);
  }

  /**
   * Returns the renewed Lease; undefined if another replica holds it. After a write whose answer was lost, the Lease is newer than the
   * known one but still ours.
   */
  async #renew(lease: Lease): Promise<Lease | undefined> {
    const { namespace, name, identity, leaseMs, now } = this.#settings;
    const renewal = (of: Lease): Promise<Lease> => this.#put(heldLease({ namespace, name, identity, leaseMs }, of, now()));
    try {
      return await renewal(lease);
    } catch (error) {
      if (!isStatus(error, 409) && !isStatus(error, 404)) throw error;
    }
    const current = await this.#read();
    return current?.spec?.holderIdentity === identity ? renewal(current) : undefined;
  }

  async #read(signal?: AbortSignal): Promise<Lease | undefined> {
    const { client, renewMs } = this.#settings;
    try {
      return await client.request<Lease>({ method: 'GET', path: this.#path(), timeoutMs: renewMs / 2, ...(signal && { signal }) });
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  #put(body: Lease, signal?: AbortSignal): Promise<Lease> {
    const { client, renewMs } = this.#settings;
    return client.request<Lease>({ method: 'PUT', path: this.#path(), body, timeoutMs: renewMs / 2, ...(signal && { signal }) });
  }

  #path(): string {
    const { namespace, name } = this.#settings;
    return resourcePath(LEASES, { namespace, name });
  }
}

/** One term: leads until the work ends, `signal` aborts or the Lease is lost. Rejects if the work rejects. */
async function serve(candidate: Candidate, settings: Settings, lease: Lease, renewedAtMs: number): Promise<void> {
  const leadership = new AbortController();
  const ended = new AbortController();
  const resign = (): void => leadership.abort();
  settings.signal.addEventListener('abort', resign, { once: true });
  if (settings.signal.aborted) resign();
  const holding = candidate.hold(lease, renewedAtMs, ended.signal, resign);
  try {
    await settings.onElected(leadership.signal, candidate.isHeld);
  } finally {
    settings.signal.removeEventListener('abort', resign);
    ended.abort();
    const held = await holding;
    if (held !== undefined) await candidate.release(held);
  }
}

/**
 * Takes part in the election, leads, and takes part again after a loss. Resolves when `signal` has aborted and the Lease is released.
 * Rejects if `onElected` rejects, also after the release. Retries while the server does not answer.
 */
export async function electLeader(options: ElectionOptions): Promise<void> {
  const settings: Settings = {
    ...options,
    leaseMs: options.leaseMs ?? 15_000,
    renewMs: options.renewMs ?? 10_000,
    retryMs: options.retryMs ?? 2000,
    timers: options.timers ?? systemTimers,
    log: options.log ?? silentLog,
  };
  if (settings.renewMs >= settings.leaseMs) throw new RangeError('renewMs must be less than leaseMs');
  const candidate = new Candidate(settings);
  while (!options.signal.aborted) {
    const taken = await candidate.acquire();
    if (taken === undefined) return;
    settings.log.info({ lease: `${options.namespace}/${options.name}`, identity: options.identity }, 'elected');
    await serve(candidate, settings, taken.lease, taken.renewedAtMs);
  }
}

/**
 * A client that sends writes only while `mayWrite` returns true. Otherwise a write fails with an `ApiError` (status 0) without reaching the
 * server. Reads and watches always pass.
 */
export function fence(client: KubernetesClient, mayWrite: () => boolean): KubernetesClient {
  return {
    async request<Answer>(call: Parameters<KubernetesClient['request']>[0]): Promise<Answer> {
      if (call.method === 'GET' || mayWrite()) return await client.request<Answer>(call);
      throw new ApiError(0, 'NotLeading', `${call.method} ${call.path}: not sent, because another replica may be the leader`);
    },
    watch: (call) => client.watch(call),
    close: () => client.close(),
  };
}
