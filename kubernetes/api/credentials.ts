/**
 * Credentials that can be read directly: a token, a token file, a client certificate, or a pod's service account. This is how operators
 * usually authenticate. It avoids loading `@kubernetes/client-node`, which costs 70 MB of memory; see library-credentials.ts.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { dirname, join, resolve } from 'node:path';
import { isRecord } from '@carpal/configs/json.ts';
import { parse } from 'yaml';
import { clusterEnvironment } from '../env.ts';

/** Where the API server is, and which credentials to use for it. */
export type ConnectionPlace = {
  /** A kubeconfig file. Default: $KUBECONFIG, then ~/.kube/config, then the service account of the pod that this process runs in. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig. Default: its current context. */
  readonly context?: string;
  /**
   * A server that needs no credentials, such as `kubectl proxy`: `http://127.0.0.1:8001`. The other options and the environment are then
   * ignored.
   */
  readonly server?: string;
};

export type Credentials = {
  readonly server: URL;
  /** The namespace of the context, or of the pod. */
  readonly namespace: string | undefined;
  /** TLS options and headers for one request. Tokens are read again when they are due: a pod's every minute, a plugin's when it expires. */
  options(): Promise<RequestOptions>;
  /** Discards the cached tokens, after the server has rejected them. */
  renew(): void;
};

/** A pod's token is replaced well before it expires, so reading it every minute is enough. */
const TOKEN_MS = 60_000;
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A server and a user that need no program for tokens. */
type PlainCredentials = {
  readonly server: URL;
  readonly namespace: string | undefined;
  readonly tls: RequestOptions;
  readonly token?: string;
  readonly tokenFile?: string;
};

type Fields = Readonly<Record<string, unknown>>;

/** A cluster or a user with any other field is left to the library. */
const CLUSTER_FIELDS: readonly string[] = [
  'server',
  'certificate-authority',
  'certificate-authority-data',
  'insecure-skip-tls-verify',
  'tls-server-name',
  'disable-compression',
  'extensions',
];
const USER_FIELDS: readonly string[] = [
  'token',
  'tokenFile',
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
  'extensions',
];

/**
 * The credentials of the place. Undefined if they are of another kind or cannot be read: the library then handles them or reports the
 * problem.
 */
export async function openPlainCredentials(place: ConnectionPlace, nowMs: () => number): Promise<Credentials | undefined> {
  const read = (): Promise<PlainCredentials | undefined> => readPlace(place).catch(() => undefined);
  const first = await read();
  if (first === undefined) return undefined;
  let current: PlainCredentials | undefined = first;
  let token: { readonly text: string; readonly readMs: number } | undefined;
  const bearer = async ({ token: text, tokenFile }: PlainCredentials): Promise<string | undefined> => {
    if (tokenFile === undefined) return text;
    if (token === undefined || nowMs() - token.readMs >= TOKEN_MS) {
      token = { text: (await readFile(tokenFile, 'utf8')).trim(), readMs: nowMs() };
    }
    return token.text;
  };
  return {
    server: first.server,
    namespace: first.namespace,
    options: async () => {
      // While a file is being replaced it may be incomplete. The earlier content is then used.
      current ??= (await read()) ?? first;
      const text = await bearer(current);
      return { ...current.tls, headers: text === undefined ? {} : { Authorization: `Bearer ${text}` } };
    },
    renew: () => {
      current = undefined;
      token = undefined;
    },
  };
}

async function readPlace({ kubeconfig, context, server }: ConnectionPlace): Promise<PlainCredentials | undefined> {
  if (server !== undefined) return server.startsWith('http:') ? { server: new URL(server), namespace: undefined, tls: {} } : undefined;
  const environment = clusterEnvironment();
  const file = kubeconfig ?? environment.kubeconfig;
  // $KUBECONFIG can name several files, which the library merges.
  if (file !== undefined && file !== '')
    return file.includes(':') && kubeconfig === undefined ? undefined : await readKubeconfig(file, context);
  const defaultFile = join(environment.home ?? '/', '.kube/config');
  if (existsSync(defaultFile)) return await readKubeconfig(defaultFile, context);
  return context === undefined ? await readServiceAccount(environment) : undefined;
}

async function readServiceAccount({
  serviceHost,
  servicePort,
}: ReturnType<typeof clusterEnvironment>): Promise<PlainCredentials | undefined> {
  const tokenFile = join(SERVICE_ACCOUNT, 'token');
  if (serviceHost === undefined || servicePort === undefined || !existsSync(tokenFile)) return undefined;
  const host = serviceHost.includes(':') ? `[${serviceHost}]` : serviceHost;
  return {
    server: new URL(`https://${host}:${servicePort}`),
    namespace: (await readFile(join(SERVICE_ACCOUNT, 'namespace'), 'utf8')).trim(),
    tls: { ca: await readFile(join(SERVICE_ACCOUNT, 'ca.crt')) },
    tokenFile,
  };
}

async function readKubeconfig(file: string, contextName: string | undefined): Promise<PlainCredentials | undefined> {
  const config: unknown = parse(await readFile(file, 'utf8'));
  if (!isRecord(config)) return undefined;
  const context = named(config['contexts'], contextName ?? config['current-context'], 'context');
  const cluster = named(config['clusters'], context?.['cluster'], 'cluster');
  const user = named(config['users'], context?.['user'], 'user');
  const address = textOf(cluster, 'server');
  if (context === undefined || cluster === undefined || user === undefined || address === undefined) return undefined;
  const areKnown = (fields: Fields, known: readonly string[]): boolean => Object.keys(fields).every((name) => known.includes(name));
  if (!areKnown(cluster, CLUSTER_FIELDS) || !areKnown(user, USER_FIELDS) || !URL.canParse(address)) return undefined;

  const pathOf = (path: string): string => resolve(dirname(file), path);
  const pem = async (fields: Fields, name: string): Promise<Buffer | undefined> => {
    const data = textOf(fields, `${name}-data`);
    if (data !== undefined) return Buffer.from(data, 'base64');
    const path = textOf(fields, name);
    return path === undefined ? undefined : await readFile(pathOf(path));
  };
  const tls = {
    ca: await pem(cluster, 'certificate-authority'),
    cert: await pem(user, 'client-certificate'),
    key: await pem(user, 'client-key'),
    servername: textOf(cluster, 'tls-server-name'),
    rejectUnauthorized: cluster['insecure-skip-tls-verify'] === true ? false : undefined,
  };
  const tokenFile = textOf(user, 'tokenFile');
  const token = textOf(user, 'token');
  return {
    server: new URL(address),
    namespace: textOf(context, 'namespace'),
    tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
    ...(token === undefined ? {} : { token }),
    ...(tokenFile === undefined ? {} : { tokenFile: pathOf(tokenFile) }),
  };
}

/** The value of `field` in the entry with this name. Undefined if there is no such entry, or more than one. */
function named(entries: unknown, name: unknown, field: string): Fields | undefined {
  const found = Array.isArray(entries) ? entries.filter((entry) => isRecord(entry) && entry['name'] === name) : [];
  const value: unknown = found.length === 1 ? found[0][field] : undefined;
  // A user without credentials can be written as `user: null` or `user: {}`.
  if (value === null && found.length === 1) return {};
  return isRecord(value) ? value : undefined;
}

function textOf(fields: Fields | undefined, name: string): string | undefined {
  const value = fields?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
