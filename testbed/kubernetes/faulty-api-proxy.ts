/** A proxy between an operator and its API server that fails in the ways in which networks, load balancers and API servers fail. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as secureRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, WatchEvent } from '@carpal/kubernetes/api/objects.ts';
import { type ApiAction, apiAction } from '@carpal/kubernetes/api/resource-path.ts';
import { LineSplitter } from '@carpal/kubernetes/api/transport.ts';
import { reject } from './fake-api-server.ts';

/** A request that the proxy received. */
export type ApiCall = ApiAction & {
  /** With the query. */
  readonly path: string;
  readonly userAgent: string;
};

/**
 * `cut`: closes the connection without forwarding the request; `stall`: neither forwards nor answers it; `lose-answer`: forwards it and
 * closes the connection before the answer; `delayMs`, `until`: forwards it later; otherwise an answer in place of the server's.
 */
export type ApiFault =
  | 'cut'
  | 'stall'
  | 'lose-answer'
  | { readonly delayMs: number }
  | { readonly until: Promise<unknown> }
  | { readonly status: number; readonly reason: string; readonly retryAfterSeconds?: number };

export type FaultyApiProxy = {
  /** For `connect({ server })`. Needs no credentials: every request is sent as the kubeconfig's user. */
  readonly server: string;
  /** All requests so far, in order. */
  readonly calls: readonly ApiCall[];
  /** The number of watch events that did not reach the client. */
  readonly lostEvents: number;
  /** Sets the fault of each further request. Without an argument: no faults. */
  set(faultOf?: (call: ApiCall) => ApiFault | undefined): void;
  /** Sets which watch events are dropped from now on. Without an argument: none. */
  lose(isLost?: (event: WatchEvent<KubernetesObject>, call: ApiCall) => boolean): void;
  /** Closes the connection of every open watch. Returns their number. */
  cutWatches(): number;
  /** Stops every open watch: neither events nor its end arrive. Returns their number. */
  stallWatches(): number;
  /** Sends every open watch the error that its position in the history is lost (410). Returns their number. */
  expireWatches(): number;
  close(): Promise<void>;
};

export type FaultyApiProxyOptions = {
  readonly kubeconfig: string;
  /** The duration of watches, instead of what the client requests. */
  readonly watchSeconds?: number;
};

type Cluster = { readonly host: string; readonly port: string; readonly ca: Buffer; readonly token: string };

/** The fault for the first `count` matching requests only. */
export function firstCalls(count: number, matches: (call: ApiCall) => boolean, fault: ApiFault): (call: ApiCall) => ApiFault | undefined {
  let left = count;
  return (call) => {
    if (left === 0 || !matches(call)) return undefined;
    left -= 1;
    return fault;
  };
}

/** Whether a request changes something. A dry run does not. */
export function isMutating({ verb, path }: ApiCall): boolean {
  if (path.includes('dryRun=')) return false;
  return verb === 'create' || verb === 'update' || verb === 'patch' || verb === 'delete' || verb === 'deletecollection';
}

/** Starts a proxy for the API server of a kubeconfig with a token. */
export async function startFaultyApiProxy({ kubeconfig, watchSeconds }: FaultyApiProxyOptions): Promise<FaultyApiProxy> {
  const cluster = await clusterOf(kubeconfig);
  const agent = new Agent({ keepAlive: true, ca: cluster.ca });
  const calls: ApiCall[] = [];
  const watches = new Set<WatchPipe>();
  const sockets = new Set<Socket>();
  let lostEvents = 0;
  let faultOf: (call: ApiCall) => ApiFault | undefined = () => undefined;
  let isLost: (event: WatchEvent<KubernetesObject>, call: ApiCall) => boolean = () => false;

  const forward = (asked: IncomingMessage, body: Buffer, call: ApiCall, answer: ServerResponse, loseAnswer: boolean): void => {
    const { host: _host, connection: _connection, ...headers } = asked.headers;
    const path = call.verb === 'watch' && watchSeconds !== undefined ? withTimeout(call.path, watchSeconds) : call.path;
    const upstream = secureRequest({
      agent,
      host: cluster.host,
      port: cluster.port,
      method: asked.method,
      path,
      headers: { authorization: `Bearer ${cluster.token}`, ...headers },
    });
    answer.on('close', () => upstream.destroy());
    upstream.on('error', () => answer.destroy());
    upstream.on('response', (given) => {
      given.on('error', () => answer.destroy());
      if (loseAnswer) {
        given.resume().on('end', () => answer.destroy());
        return;
      }
      answer.writeHead(given.statusCode ?? 502, given.headers);
      if (call.verb !== 'watch' || given.statusCode !== 200) {
        given.pipe(answer);
        return;
      }
      answer.flushHeaders();
      const keep = (event: WatchEvent<KubernetesObject>): boolean => {
        const lost = isLost(event, call);
        if (lost) lostEvents += 1;
        return !lost;
      };
      const pipe = createWatchPipe(given, answer, keep);
      watches.add(pipe);
      answer.on('close', () => watches.delete(pipe));
    });
    upstream.end(body);
  };

  const answerFault = async (fault: ApiFault, answer: ServerResponse, onward: (loseAnswer: boolean) => void): Promise<void> => {
    if (fault === 'stall') return;
    if (fault === 'cut') answer.destroy();
    else if (fault === 'lose-answer') onward(true);
    else if ('delayMs' in fault) setTimeout(() => onward(false), fault.delayMs);
    else if ('until' in fault) {
      await fault.until;
      onward(false);
    } else {
      const { status, reason, retryAfterSeconds } = fault;
      reject(answer, status, reason, retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) });
    }
  };

  const server = createServer((asked, answer) => {
    const path = asked.url ?? '/';
    const action = apiAction((asked.method ?? 'GET') as KubernetesRequest['method'], path, /[?&]watch=true/.test(path));
    const call: ApiCall = { ...action, path, userAgent: asked.headers['user-agent'] ?? '' };
    calls.push(call);
    const chunks: Buffer[] = [];
    asked.on('data', (chunk: Buffer) => chunks.push(chunk));
    asked.on('end', () => {
      const onward = (loseAnswer: boolean): void => forward(asked, Buffer.concat(chunks), call, answer, loseAnswer);
      const fault = faultOf(call);
      if (fault === undefined) onward(false);
      else void answerFault(fault, answer, onward);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const each = (act: (pipe: WatchPipe) => void): number => {
    const open = [...watches];
    for (const pipe of open) act(pipe);
    return open.length;
  };

  return {
    server: `http://127.0.0.1:${port}`,
    calls,
    get lostEvents() {
      return lostEvents;
    },
    set: (chosen = () => undefined) => {
      faultOf = chosen;
    },
    lose: (chosen = () => false) => {
      isLost = chosen;
    },
    cutWatches: () => each((pipe) => pipe.cut()),
    stallWatches: () => each((pipe) => pipe.stall()),
    expireWatches: () => each((pipe) => pipe.expire()),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => void server.close(done));
      agent.destroy();
    },
  };
}

async function clusterOf(kubeconfig: string): Promise<Cluster> {
  const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as {
    clusters: readonly { cluster: { server: string; 'certificate-authority-data': string } }[];
    users: readonly { user: { token: string } }[];
  };
  const cluster = clusters[0]?.cluster;
  const url = new URL(cluster?.server ?? '');
  return {
    host: url.hostname,
    port: url.port,
    ca: Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64'),
    token: users[0]?.user.token ?? '',
  };
}

function withTimeout(path: string, seconds: number): string {
  return path.replace(/timeoutSeconds=\d+/, `timeoutSeconds=${seconds}`);
}

/** A watch that passes through the proxy, event by event. */
type WatchPipe = {
  /** Closes the connection in the middle. */
  cut(): void;
  /** Neither further events nor the end arrive. */
  stall(): void;
  /** Sends the error that the position in the history is lost, and ends. */
  expire(): void;
};

const EXPIRED = {
  type: 'ERROR',
  object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired', message: 'too old resource version' },
};

/** Forwards the events for which `keep` returns true. */
function createWatchPipe(from: IncomingMessage, to: ServerResponse, keep: (event: WatchEvent<KubernetesObject>) => boolean): WatchPipe {
  const cutter = new LineSplitter();
  let isStalled = false;
  from.on('data', (chunk: Buffer) => {
    for (const line of cutter.push(chunk)) {
      if (!isStalled && keep(JSON.parse(line) as WatchEvent<KubernetesObject>)) to.write(`${line}\n`);
    }
  });
  from.on('end', () => isStalled || to.end());
  return {
    cut: () => void to.destroy(),
    stall: () => {
      isStalled = true;
    },
    expire: () => void to.end(`${JSON.stringify(EXPIRED)}\n`),
  };
}
