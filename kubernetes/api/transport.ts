/** HTTP for the API client: shared sockets, time limits, and the lines of a streamed answer. */
import { type ClientRequest, type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { type RequestOptions, Agent as SecureAgent, request as secureRequest } from 'node:https';
import { ApiError } from './api-error.ts';

/** Limit of concurrent sockets. Further requests wait for a free one. */
const SOCKETS = 64;
/** Idle sockets are closed after this time, before a load balancer on the way drops them silently (after 60 s or more). */
const IDLE_MS = 50_000;

export type Transport = {
  /** Sends a request. Resolves with the head of the answer. */
  send(options: RequestOptions, body: string | undefined, deadline: Deadline): Promise<IncomingMessage>;
  close(): void;
};

/** Opens kept-alive, shared sockets to one server. TLS material is part of a socket's key, so a renewed certificate gets new sockets. */
export function openTransport(server: URL): Transport {
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
        // The server may close an idle socket while a request is on its way. Repeating a read is safe.
        const stale = request.reusedSocket && options.method === 'GET' && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        if (stale && deadline.reason === undefined) send(options, body, deadline).then(resolve, reject);
        else reject(deadline.reason ?? error);
      });
      request.end(body);
    });
  return { send, close: () => agent.destroy() };
}

/** Ends what it guards when the time is over or the caller aborts. Call `clear` at the end. */
export class Deadline {
  /** Why it ended; undefined until then. */
  reason: ApiError | undefined;
  readonly #what: string;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#end(new ApiError(0, 'Aborted', `${this.#what}: aborted by the caller`));
  #timer: NodeJS.Timeout | undefined;
  #kill: ((reason: ApiError) => void) | undefined;

  constructor(what: string, signal: AbortSignal | undefined) {
    this.#what = what;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#onAbort();
  }

  /** Starts the time again. `problem` describes what did not happen in time. */
  within(ms: number, problem: string): void {
    clearTimeout(this.#timer);
    if (this.reason !== undefined) return;
    this.#timer = setTimeout(() => this.#end(new ApiError(0, 'Timeout', `${this.#what}: ${problem} within ${ms} ms`)), ms);
  }

  /** Stops the time. The signal still ends what is guarded. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Calls `kill` once when the deadline ends, immediately if it has already ended. Replaces the earlier `kill`. */
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

/** Far above the size of any object (etcd accepts 1.5 MiB). A server that sends a longer line is not an API server. */
const LONGEST_LINE = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;

/**
 * Splits a stream of bytes into lines, without line ends and without empty lines. It splits bytes, not text, so a character that is spread
 * over two chunks stays intact. It joins the pieces of a long line only at its end, so the cost is linear.
 */
export class LineSplitter {
  #pieces: Buffer[] = [];
  #length = 0;

  /** The lines that end in `chunk`. Throws a RangeError for a line longer than 16 MiB. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const line = this.#take(chunk.subarray(start, end)).trim();
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The number of bytes of a line that has not ended yet. */
  get rest(): number {
    return this.#length;
  }

  #keep(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > LONGEST_LINE) throw new RangeError(`a line of more than ${LONGEST_LINE} bytes`);
    this.#pieces.push(piece);
  }

  #take(last: Buffer): string {
    if (this.#pieces.length === 0) return last.toString('utf8');
    const line = Buffer.concat([...this.#pieces, last]).toString('utf8');
    this.#pieces = [];
    this.#length = 0;
    return line;
  }
}
