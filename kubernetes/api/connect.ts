/**
 * The client of the API server: JSON over kept-alive sockets. `@kubernetes/client-node` provides credentials only: it opens a connection
 * per request, its watch ignores broken lines, and its informer stops for good after some errors.
 */
import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import packageJson from '../package.json' with { type: 'json' };
import { ApiError, noAnswer, rejection } from './api-error.ts';
import type { KubernetesClient, KubernetesRequest, PatchKind, Query, WatchRequest } from './client.ts';
import { type ConnectionPlace, openPlainCredentials } from './credentials.ts';
import { openLibraryCredentials } from './library-credentials.ts';
import { type ApiAction, apiAction } from './resource-path.ts';
import { Deadline, LineSplitter, openTransport } from './transport.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const PATCH_TYPES: Readonly<Record<PatchKind, string>> = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
};

export type ConnectOptions = ConnectionPlace & {
  /** The user agent of every request, as in audit logs. Default: `carpal/<version>`. */
  readonly userAgent?: string;
  /** Default limit of a request; also the limit for opening a watch. Default: 30,000. */
  readonly timeoutMs?: number;
  /** Called for every request when the head of its answer arrives, or when there is no answer (`code` 0). */
  readonly onRequest?: (seen: SeenRequest) => void;
};

export type SeenRequest = ApiAction & { readonly code: number; readonly seconds: number };

/** Requests of one kind since the connection was opened. */
export type RequestCount = ApiAction & { readonly count: number };

export type Connection = KubernetesClient & {
  /** The namespace of the context, or of the pod that this process runs in. */
  readonly namespace: string | undefined;
  readonly server: string;
  /** The number of requests of each kind: what RBAC must allow, and what the work costs the API server. */
  requests(): readonly RequestCount[];
};

function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, String(value)]]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parse<Value>(what: string, code: number, text: string): Value {
  try {
    return JSON.parse(text) as Value;
  } catch (cause) {
    throw new ApiError(code, 'InvalidAnswer', `${what}: the answer is not JSON: ${text.slice(0, 100)}`, { cause });
  }
}

/** Creates a client for an API server. Sends nothing yet. Throws `kubeconfig-invalid` if there is no server to connect to. */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  const credentials = (await openPlainCredentials(options, () => performance.now())) ?? (await openLibraryCredentials(options));
  const transport = openTransport(credentials.server);
  const counts = new Map<string, { action: ApiAction; count: number }>();
  const basePath = credentials.server.pathname.replace(/\/$/, '');
  const { timeoutMs = DEFAULT_TIMEOUT_MS, userAgent = `carpal/${packageJson.version}` } = options;

  const count = (action: ApiAction): void => {
    const key = `${action.verb} ${action.group}/${action.resource}`;
    const entry = counts.get(key) ?? { action, count: 0 };
    entry.count += 1;
    counts.set(key, entry);
  };

  const headersOf = (auth: RequestOptions, body: string | undefined, patch: PatchKind | undefined): Record<string, string> => ({
    ...(auth.headers as Record<string, string>),
    accept: 'application/json',
    'user-agent': userAgent,
    ...(body === undefined ? {} : { 'content-type': patch === undefined ? 'application/json' : PATCH_TYPES[patch] }),
    ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
  });

  /** Sends a request. Returns the head of the answer; throws for a code outside 2xx. */
  const exchange = async (
    request: Omit<KubernetesRequest, 'signal' | 'timeoutMs'>,
    what: string,
    deadline: Deadline,
  ): Promise<IncomingMessage> => {
    const action = apiAction(request.method, request.path, request.query?.['watch'] !== undefined);
    const begin = performance.now();
    let code = 0;
    const seen = (): void => options.onRequest?.({ ...action, code, seconds: (performance.now() - begin) / 1000 });
    count(action);
    try {
      const auth = await credentials.options();
      const body = request.body === undefined ? undefined : JSON.stringify(request.body);
      const path = basePath + withQuery(request.path, request.query);
      const patch = request.method === 'PATCH' ? (request.patch ?? 'merge') : undefined;
      const answer = await transport.send({ ...auth, method: request.method, path, headers: headersOf(auth, body, patch) }, body, deadline);
      deadline.guard((reason) => answer.destroy(reason));
      code = answer.statusCode ?? 0;
      seen();
      if (code >= 200 && code < 300) return answer;
      if (code === 401) credentials.renew();
      throw rejection(what, code, answer.headers, await textOf(answer));
    } catch (error) {
      if (code === 0) seen();
      throw deadline.reason ?? noAnswer(what, error);
    }
  };

  const request = async <Answer>(call: KubernetesRequest): Promise<Answer> => {
    const what = `${call.method} ${call.path}`;
    const deadline = new Deadline(what, call.signal);
    try {
      deadline.within(call.timeoutMs ?? timeoutMs, 'no complete answer');
      const answer = await exchange(call, what, deadline);
      return parse<Answer>(what, answer.statusCode ?? 0, await textOf(answer));
    } catch (error) {
      throw deadline.reason ?? noAnswer(what, error);
    } finally {
      deadline.clear();
    }
  };

  async function* watch<Event>(call: WatchRequest): AsyncGenerator<Event, void, undefined> {
    const what = `WATCH ${call.path}`;
    const deadline = new Deadline(what, call.signal);
    let answer: IncomingMessage | undefined;
    try {
      deadline.within(Math.min(timeoutMs, call.inactivityMs), 'no answer');
      answer = await exchange({ method: 'GET', path: call.path, query: { ...call.query, watch: true } }, what, deadline);
      const splitter = new LineSplitter();
      deadline.within(call.inactivityMs, 'nothing arrived');
      for await (const chunk of answer) {
        // The time that the consumer needs for the events does not count.
        deadline.pause();
        for (const line of splitter.push(chunk as Buffer)) yield parse<Event>(what, 0, line);
        deadline.within(call.inactivityMs, 'nothing arrived');
      }
      if (splitter.rest > 0) throw new ApiError(0, 'NoAnswer', `${what}: the stream ended within a line`);
    } catch (error) {
      if (call.signal.aborted) return;
      throw deadline.reason ?? noAnswer(what, error);
    } finally {
      deadline.clear();
      answer?.destroy();
    }
  }

  return {
    namespace: credentials.namespace,
    server: credentials.server.href,
    request,
    watch,
    requests: () => [...counts.values()].map(({ action, count: times }) => ({ ...action, count: times })),
    close: () => transport.close(),
  };
}
