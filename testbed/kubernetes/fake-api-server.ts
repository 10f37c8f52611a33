/**
 * A small API server on the loopback interface for faults that a real one cannot produce on request. It speaks the documented wire format
 * (paged lists with `continue`, watches as lines, Status objects for rejections), and a test sets faults for the next requests of a verb.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import { type ApiVerb, apiAction } from '@carpal/kubernetes/api/resource-path.ts';
import { FakeObjects, Rejected } from './fake-objects.ts';

export type FakeRequest = {
  readonly verb: ApiVerb;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The client's port, which is the same for requests on one socket. */
  readonly socket: number | undefined;
};

/** Replaces the handling of a request. `serve` handles it as usual. */
export type Fault = (response: ServerResponse, request: FakeRequest, serve: () => void) => void;

type OpenWatch = { readonly response: ServerResponse; readonly collection: string; sent: number };

/** Common faults. */
export const fault = {
  reject:
    (code: number, reason: string, headers: Record<string, string> = {}): Fault =>
    (response) =>
      reject(response, code, reason, headers),
  /** Never answers. */
  hang: (): Fault => () => {},
  /** Breaks the connection before an answer. */
  cut: (): Fault => (response) => response.destroy(),
  /** Handles the request, but the answer is lost. */
  loseAnswer: (): Fault => (response, _request, serve) => {
    response.end = (() => {
      response.destroy();
      return response;
    }) as typeof response.end;
    serve();
  },
  /** Answers 200 with this text. */
  text:
    (text: string | Buffer): Fault =>
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    },
};

/** Answers with a Status object. */
export function reject(response: ServerResponse, code: number, reason: string, headers: Record<string, string> = {}): void {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message: `the test rejects this request with ${reason}`,
  };
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(status));
}

export class FakeApiServer {
  readonly objects = new FakeObjects();
  readonly requests: FakeRequest[] = [];
  readonly #faults: { readonly verb: ApiVerb; readonly fault: Fault }[] = [];
  readonly #watches = new Set<OpenWatch>();
  readonly #server = createServer((request, response) => void this.#receive(request, response));

  static async start(): Promise<FakeApiServer> {
    const fake = new FakeApiServer();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  count(verb: ApiVerb): number {
    return this.requests.filter((request) => request.verb === verb).length;
  }

  /** Applies these faults to the next requests of this verb, one each, in order. */
  next(verb: ApiVerb, ...faults: readonly Fault[]): void {
    for (const one of faults) this.#faults.push({ verb, fault: one });
  }

  /** Changes objects and sends the events to open watches. */
  change<Result>(work: (objects: FakeObjects) => Result): Result {
    const result = work(this.objects);
    for (const watch of this.#watches) this.#sendEvents(watch);
    return result;
  }

  /** Sends a bookmark with the current version to open watches. */
  bookmark(): void {
    this.send({ type: 'BOOKMARK', object: { kind: 'Bookmark', metadata: { resourceVersion: String(this.objects.version) } } });
  }

  /** Sends a line to every open watch: an event, or a string as it is. */
  send(line: object | string): void {
    for (const { response } of this.#watches) response.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
  }

  /** Ends every open watch: normally, as at its timeout, or by breaking the connection. */
  endWatches(how: 'cleanly' | 'cut'): void {
    for (const { response } of this.#watches) {
      if (how === 'cleanly') response.end();
      else response.destroy();
    }
    this.#watches.clear();
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { pathname: path, searchParams: query } = new URL(incoming.url ?? '', this.url);
    const method = (incoming.method ?? 'GET') as KubernetesRequest['method'];
    const { verb } = apiAction(method, path, query.has('watch'));
    const { headers, socket } = incoming;
    const request: FakeRequest = { verb, method, path, query, headers, body: Buffer.concat(chunks).toString(), socket: socket.remotePort };
    this.requests.push(request);
    const serve = (): void => this.#serve(request, response);
    const index = this.#faults.findIndex((planned) => planned.verb === verb);
    const [planned] = index === -1 ? [] : this.#faults.splice(index, 1);
    if (planned === undefined) serve();
    else planned.fault(response, request, serve);
  }

  #serve(request: FakeRequest, response: ServerResponse): void {
    try {
      if (request.verb === 'watch') this.#watch(request, response);
      else {
        const answer = JSON.stringify(this.#answer(request));
        response.writeHead(request.verb === 'create' ? 201 : 200).end(answer);
      }
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      reject(response, error.code, error.reason);
    }
  }

  #answer({ verb, path, query, body }: FakeRequest): object {
    const sent = (): KubernetesObject => JSON.parse(body) as KubernetesObject;
    if (verb === 'get') return this.objects.get(path);
    if (verb === 'create') return this.change((objects) => objects.create(path, sent()));
    if (verb === 'update') return this.change((objects) => objects.replace(path, sent()));
    if (verb === 'patch') return this.change((objects) => objects.replace(path, { ...objects.get(path), ...sent() }));
    if (verb === 'delete') return this.change((objects) => objects.remove(path));
    if (verb === 'list') return this.#page(path, query);
    return {};
  }

  /**
   * A continue token contains the version and the position of its list. The objects are the current ones, because tests change none between
   * two pages.
   */
  #page(path: string, query: URLSearchParams): object {
    const [version = String(this.objects.version), place = '0'] = query.get('continue')?.split(':') ?? [];
    if (query.has('continue') && query.has('resourceVersion')) throw new Rejected(400, 'BadRequest');
    if (Number(version) < this.objects.oldest) throw new Rejected(410, 'Expired');
    const all = this.objects.list(path);
    const end = Number(place) + Number(query.get('limit') ?? all.length);
    const metadata = { resourceVersion: version, ...(end < all.length ? { continue: `${version}:${end}` } : {}) };
    return { kind: 'List', apiVersion: 'v1', metadata, items: all.slice(Number(place), end) };
  }

  #watch({ path, query }: FakeRequest, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.objects.oldest) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: `too old resource version: ${from}` };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    const watch: OpenWatch = { response, collection: path, sent: from };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    this.#sendEvents(watch);
  }

  #sendEvents(watch: OpenWatch): void {
    for (const { version, path, event } of this.objects.history) {
      if (version <= watch.sent || !FakeObjects.holds(watch.collection, path)) continue;
      watch.response.write(`${JSON.stringify(event)}\n`);
      watch.sent = version;
    }
  }
}
