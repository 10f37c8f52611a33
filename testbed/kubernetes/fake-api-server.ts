/**
 * A small API server on the loopback interface for the faults that a real one cannot be asked for: it speaks the documented wire format
 * (paged lists with `continue`, watches as lines, Status for refusals) and does what a test tells it to with the next request of a kind.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import { type ApiVerb, apiAction } from '@carpal/kubernetes/api/resource-path.ts';
import { FakeObjects, Refused } from './fake-objects.ts';

export type FakeRequest = {
  readonly verb: ApiVerb;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The client's port: the same for requests over one socket. */
  readonly socket: number | undefined;
};

/** What to do with a request instead of serving it. `serve` does what would have been done. */
export type Fault = (response: ServerResponse, request: FakeRequest, serve: () => void) => void;

type OpenWatch = { readonly response: ServerResponse; readonly collection: string; sent: number };

/** Faults that tests use by name. */
export const fault = {
  refuse:
    (code: number, reason: string, headers: Record<string, string> = {}): Fault =>
    (response) =>
      refuse(response, code, reason, headers),
  /** No answer ever. */
  hang: (): Fault => () => {},
  /** The connection breaks before an answer. */
  cut: (): Fault => (response) => response.destroy(),
  /** Served, but the answer is lost. */
  loseAnswer: (): Fault => (response, _request, serve) => {
    response.end = (() => {
      response.destroy();
      return response;
    }) as typeof response.end;
    serve();
  },
  /** An answer of 200 with this text, and its end. */
  text:
    (text: string | Buffer): Fault =>
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    },
};

function refuse(response: ServerResponse, code: number, reason: string, headers: Record<string, string> = {}): void {
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `made to answer ${reason}` };
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

  /** The next requests of this verb meet these faults, one each, in order. */
  next(verb: ApiVerb, ...faults: readonly Fault[]): void {
    for (const one of faults) this.#faults.push({ verb, fault: one });
  }

  /** Changes objects; open watches are told. */
  change<Result>(work: (objects: FakeObjects) => Result): Result {
    const result = work(this.objects);
    for (const watch of this.#watches) this.#tell(watch);
    return result;
  }

  /** Tells open watches how far they have come. */
  bookmark(): void {
    this.say({ type: 'BOOKMARK', object: { kind: 'Bookmark', metadata: { resourceVersion: String(this.objects.version) } } });
  }

  /** Sends a line to every open watch: an event, or a string as it is. */
  say(line: object | string): void {
    for (const { response } of this.#watches) response.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
  }

  /** Ends every open watch: as at its timeout, or by breaking the connection. */
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
      if (!(error instanceof Refused)) throw error;
      refuse(response, error.code, error.reason);
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

  /** A token names the version and the place of its list. The objects are those of now: tests change none between two pages. */
  #page(path: string, query: URLSearchParams): object {
    const [version = String(this.objects.version), place = '0'] = query.get('continue')?.split(':') ?? [];
    if (query.has('continue') && query.has('resourceVersion')) throw new Refused(400, 'BadRequest');
    if (Number(version) < this.objects.oldest) throw new Refused(410, 'Expired');
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
    this.#tell(watch);
  }

  #tell(watch: OpenWatch): void {
    for (const { version, path, event } of this.objects.history) {
      if (version <= watch.sent || !FakeObjects.holds(watch.collection, path)) continue;
      watch.response.write(`${JSON.stringify(event)}\n`);
      watch.sent = version;
    }
  }
}
