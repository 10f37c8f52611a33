import { ApiError, isStatus } from '../api/api-error.ts';
import type { KubernetesClient } from '../api/client.ts';
import { LEASES, resourcePath } from '../api/resource-path.ts';
import { heldLease, type Lease, type LeaseSighting, mayTake, releasedLease, sight } from './lease.ts';
import { type Log, silentLog } from './logger.ts';
import { pause, systemTimers, type Timers } from './timers.ts';

/**
 * One leader among replicas, by a Lease. A replica takes the Lease when it has seen it stand still for the whole of its duration, on its own
 * monotonic clock; a leader that cannot renew steps down well before another may take over, even if its request never comes back.
 */

/**
 * Whether the Lease is ours beyond doubt at this very moment: asked before each write, since a process that was frozen wakes up in the middle
 * of its work, before any timer tells it how late it is.
 */
export type IsHeld = () => boolean;

export type ElectionOptions = {
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly name: string;
  /** Of this process alone: the pod's name and something random. */
  readonly identity: string;
  /** How long others wait for a leader that has gone silent; 15,000 where absent. */
  readonly leaseMs?: number;
  /** A leader that has not renewed for this long steps down; 10,000 where absent. Less than `leaseMs`. */
  readonly renewMs?: number;
  /** Between two tries to take or renew; 2,000 where absent. */
  readonly retryMs?: number;
  readonly timers?: Timers;
  /** The wall clock, for the times written into the Lease. */
  readonly now: () => Date;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Stands for election until it aborts. */
  readonly signal: AbortSignal;
  /** Leads until `leadership` aborts and then comes to its end. The Lease is kept until it has, as long as it can be renewed. */
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

  /** Waits for the Lease to be free and takes it. Undefined once the candidate gives up. */
  async acquire(): Promise<{ lease: Lease; renewedAtMs: number } | undefined> {
    const { signal, timers, retryMs, random, log } = this.#settings;
    while (!signal.aborted) {
      const askedAtMs = timers.now();
      try {
        const lease = await this.#tryToTake();
        if (lease !== undefined) return { lease, renewedAtMs: askedAtMs };
      } catch (error) {
        // 409: another candidate was quicker.
        if (!isStatus(error, 409) && !signal.aborted) log.warn({ error }, 'the lease cannot be read or taken');
      }
      await pause(timers, retryMs * (1 + random() / 2), signal);
    }
    return undefined;
  }

  /** Renews until it is told to stop, or the Lease is lost. Returns the Lease if it is still held. */
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
    // Beside the requests: a request that hangs must not hold the leadership up.
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
      this.#settings.log.warn({ error }, 'the lease cannot be released; others wait until it has run out');
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

  /** The renewed Lease; undefined when another holds it. After a write whose answer was lost the Lease is newer than we know, and still ours. */
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

/** One term: leads until the work ends, the candidate gives up, or the Lease is lost. Rejects with what the work rejects with. */
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
 * Stands for election, leads, and stands again after a loss. Resolves once `signal` has aborted and the Lease is released; rejects if
 * `onElected` does, after releasing it too. A server that does not answer is waited out.
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
 * A client that writes only as long as `mayWrite` says so at the moment of the request; later writes fail with an `ApiError` (status 0)
 * and the server hears nothing of them. Reads and watches go through.
 */
export function fence(client: KubernetesClient, mayWrite: () => boolean): KubernetesClient {
  return {
    async request<Answer>(asked: Parameters<KubernetesClient['request']>[0]): Promise<Answer> {
      if (asked.method === 'GET' || mayWrite()) return await client.request<Answer>(asked);
      throw new ApiError(0, 'NotLeading', `${asked.method} ${asked.path}: not sent, since another replica may lead by now`);
    },
    watch: (asked) => client.watch(asked),
    close: () => client.close(),
  };
}
