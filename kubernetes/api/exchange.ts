/** One HTTP request up to the head of its answer. */
import { type ClientRequest, type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { type RequestOptions, Agent as SecureAgent, request as secureRequest } from 'node:https';
import { ApiError } from './api-error.ts';

/** Sockets for everything but watches; more requests than this wait for one. */
const SOCKETS = 64;
/** An idle socket is given up before a load balancer on the way (60 s and up) drops it unseen. */
const IDLE_MS = 50_000;

export type Wire = {
  send(options: RequestOptions, body: string | undefined, deadline: Deadline): Promise<IncomingMessage>;
  close(): void;
};

/** Sockets of one server, kept alive and shared. TLS material is part of the socket's name, so a renewed certificate gets new sockets. */
export function openWire(server: URL): Wire {
  const secure = server.protocol === 'https:';
  const limits = { keepAlive: true, keepAliveMsecs: 30_000, maxSockets: SOCKETS, timeout: IDLE_MS, scheduling: 'lifo' } as const;
  const agent = secure ? new SecureAgent(limits) : new PlainAgent(limits);
  const place = { hostname: server.hostname.replace(/^\[|\]$/g, ''), port: server.port || (secure ? 443 : 80) };
  const start = (options: RequestOptions): ClientRequest => {
    const whole = { agent, ...options, ...place };
    return secure ? secureRequest(whole) : plainRequest(whole);
  };
  const send = (options: RequestOptions, body: string | undefined, deadline: Deadline): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const request = start(options);
      deadline.guard((reason) => request.destroy(reason));
      request.on('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The server may close an idle socket while the request is on its way to it. Reading twice does no harm.
        const stale = request.reusedSocket && options.method === 'GET' && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        if (stale && deadline.reason === undefined) send(options, body, deadline).then(resolve, reject);
        else reject(deadline.reason ?? error);
      });
      request.end(body);
    });
  return { send, close: () => agent.destroy() };
}

/** Ends whatever it guards when time is up or the caller gives up. Must be cleared. */
export class Deadline {
  /** Why it ended, once it has. */
  reason: ApiError | undefined;
  readonly #what: string;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#end(new ApiError(0, 'Aborted', `${this.#what}: given up by the caller`));
  #timer: NodeJS.Timeout | undefined;
  #kill: ((reason: ApiError) => void) | undefined;

  constructor(what: string, signal: AbortSignal | undefined) {
    this.#what = what;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
  }

  /** Starts the time anew. */
  within(ms: number, complaint: string): void {
    clearTimeout(this.#timer);
    if (this.reason !== undefined) return;
    this.#timer = setTimeout(() => this.#end(new ApiError(0, 'Timeout', `${this.#what}: ${complaint} within ${ms} ms`)), ms);
  }

  /** Stops the time without ending the watch over the signal. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** `kill` is called once, at the end; at once if it has come. Replaces what was guarded before. */
  guard(kill: (reason: ApiError) => void): void {
    this.#kill = kill;
    if (this.reason !== undefined) kill(this.reason);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#kill = undefined;
  }

  #end(reason: ApiError): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    clearTimeout(this.#timer);
    this.#kill?.(reason);
  }
}
