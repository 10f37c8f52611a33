/**
 * Credentials that are there to be read: a token, a token's file, a client certificate, a pod's service account. That is how operators mostly
 * prove themselves, and it saves loading `@kubernetes/client-node`, which costs 70 MB of memory.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { dirname, join, resolve } from 'node:path';
import { isRecord } from '@carpal/configs/is-record.ts';
import { parse } from 'yaml';
import type { ConnectionPlace, Credentials } from './credentials.ts';
import { clusterEnvironment } from './env.ts';

/** A pod's token is replaced some time before it expires; whoever reads it each minute has it in time. */
const TOKEN_MS = 60_000;
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What can be said of a server and a user without a program that makes tokens. */
type Plain = {
  readonly server: URL;
  readonly namespace: string | undefined;
  readonly tls: RequestOptions;
  readonly token?: string;
  readonly tokenFile?: string;
};

type Fields = Readonly<Record<string, unknown>>;

/** Anything else of a cluster or a user is a matter for the library. */
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

/** The credentials of the place, or undefined where they are not plain or cannot be read: the library then does it, or says what is wrong. */
export async function openPlainCredentials(place: ConnectionPlace, nowMs: () => number): Promise<Credentials | undefined> {
  const read = (): Promise<Plain | undefined> => readPlace(place).catch(() => undefined);
  const first = await read();
  if (first === undefined) return undefined;
  let current: Plain | undefined = first;
  let token: { readonly text: string; readonly readMs: number } | undefined;
  const bearer = async ({ token: text, tokenFile }: Plain): Promise<string | undefined> => {
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
      // A file that is being replaced may be half there for a moment; what it said before is as good as it was.
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

async function readPlace({ kubeconfig, context, server }: ConnectionPlace): Promise<Plain | undefined> {
  if (server !== undefined) return server.startsWith('http:') ? { server: new URL(server), namespace: undefined, tls: {} } : undefined;
  const environment = clusterEnvironment();
  const file = kubeconfig ?? environment.kubeconfig;
  // $KUBECONFIG may name several files.
  if (file !== undefined && file !== '')
    return file.includes(':') && kubeconfig === undefined ? undefined : await readKubeconfig(file, context);
  const usual = join(environment.home ?? '/', '.kube/config');
  if (existsSync(usual)) return await readKubeconfig(usual, context);
  return context === undefined ? await readServiceAccount(environment) : undefined;
}

async function readServiceAccount({ serviceHost, servicePort }: ReturnType<typeof clusterEnvironment>): Promise<Plain | undefined> {
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

async function readKubeconfig(file: string, wanted: string | undefined): Promise<Plain | undefined> {
  const config: unknown = parse(await readFile(file, 'utf8'));
  if (!isRecord(config)) return undefined;
  const context = named(config['contexts'], wanted ?? config['current-context'], 'context');
  const cluster = named(config['clusters'], context?.['cluster'], 'cluster');
  const user = named(config['users'], context?.['user'], 'user');
  const address = textOf(cluster, 'server');
  if (context === undefined || cluster === undefined || user === undefined || address === undefined) return undefined;
  const areKnown = (fields: Fields, known: readonly string[]): boolean => Object.keys(fields).every((name) => known.includes(name));
  if (!areKnown(cluster, CLUSTER_FIELDS) || !areKnown(user, USER_FIELDS) || !URL.canParse(address)) return undefined;

  const pathOf = (path: string): string => resolve(dirname(file), path);
  const material = async (fields: Fields, name: string): Promise<Buffer | undefined> => {
    const data = textOf(fields, `${name}-data`);
    if (data !== undefined) return Buffer.from(data, 'base64');
    const path = textOf(fields, name);
    return path === undefined ? undefined : await readFile(pathOf(path));
  };
  const tls = {
    ca: await material(cluster, 'certificate-authority'),
    cert: await material(user, 'client-certificate'),
    key: await material(user, 'client-key'),
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

/** What stands under `field` of the entry of that name; undefined where there is none, or more than one. */
function named(entries: unknown, name: unknown, field: string): Fields | undefined {
  const found = Array.isArray(entries) ? entries.filter((entry) => isRecord(entry) && entry['name'] === name) : [];
  const value: unknown = found.length === 1 ? found[0][field] : undefined;
  // A user without credentials may be written as `user: null` or `{}`.
  if (value === null && found.length === 1) return {};
  return isRecord(value) ? value : undefined;
}

function textOf(fields: Fields | undefined, name: string): string | undefined {
  const value = fields?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
