/**
 * A real control plane on this machine, without containers: etcd, the API server, the controller manager and the scheduler, in their own
 * folder, on loopback. For tests and for `make cluster`. `stop` deletes all its data. Nodes are separate: process-kubelet.ts and
 * simulated-nodes.ts.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CarpalError } from '@carpal/configs/errors.ts';
import { type Child, clusterTool, ownFolder, removeAbandonedFolders, startChild } from './child-process.ts';
import {
  apiServerFlags,
  auditPolicy,
  controllerManagerFlags,
  etcdFlags,
  FILES,
  type FlagOptions,
  kubeconfigText,
  schedulerConfiguration,
  schedulerFlags,
} from './control-plane-flags.ts';
import { machineEnvironment } from './env.ts';
import { freePort } from './free-port.ts';

const FOLDER_PREFIX = 'carpal-cluster-';
const READY_MS = 60_000;
const POLL_MS = 25;
const PORT_TRIES = 5;
/** Under load, the API server would spend a fifth of its time on garbage collection. More memory, up to a limit, avoids that. */
const LOAD_ENVIRONMENT: Readonly<Record<string, string>> = { ...machineEnvironment(), GOGC: '800', GOMEMLIMIT: '12GiB' };

export type ControlPlaneOptions = Partial<Omit<FlagOptions, 'port'>>;

export type ControlPlanePart = 'etcd' | 'apiserver' | 'controller-manager' | 'scheduler';

export type ControlPlane = {
  /** The path of a kubeconfig of a cluster administrator. */
  readonly kubeconfig: string;
  /** `https://127.0.0.1:<port>`; the same after a restart. */
  readonly server: string;
  /** The folder with all data and the logs `<part>.log`. `stop` deletes it. */
  readonly folder: string;
  /** The path of the audit log, if `audit` is set; see audit-log.ts. */
  readonly auditLog: string | undefined;
  /** The process IDs of the running parts. */
  pids(): Readonly<Partial<Record<ControlPlanePart, number>>>;
  /** Writes a kubeconfig for another identity, such as a service account's token. Returns its path. */
  writeKubeconfig(name: string, token: string): Promise<string>;
  /** Sends SIGKILL, which breaks all connections. Returns when the process has ended. */
  killApiServer(): Promise<void>;
  /** Starts it again after `killApiServer`, at the same address with the same data. Returns when it is ready. */
  startApiServer(): Promise<void>;
  /** `killApiServer`, then `startApiServer`. */
  restartApiServer(): Promise<void>;
  /** Sends SIGSTOP: connections stay open, but no answer comes. */
  pauseApiServer(): void;
  resumeApiServer(): void;
  /** Ends every part and deletes the folder. */
  stop(): Promise<void>;
};

/**
 * Starts a control plane. Returns after about two seconds, when objects can be created. Its parts end with this process, even if it is
 * killed. Throws `resource-missing` if the control plane has not been built or does not start, with the last lines of the log.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  await removeAbandonedFolders(tmpdir(), FOLDER_PREFIX);
  const folder = await mkdtemp(join(tmpdir(), FOLDER_PREFIX));
  await ownFolder(folder);
  const parts = new Map<ControlPlanePart, Child>();
  const program = clusterTool('control-plane');
  const token = randomBytes(16).toString('hex');
  const file = (name: string): string => join(folder, name);
  let flags: FlagOptions = {
    port: await freePort(),
    audit: false,
    forLoad: false,
    featureGates: {},
    nodeGraceSeconds: 20,
    apiServerFlags: [],
    controllerManagerFlags: [],
    ...options,
  };

  const start = async (part: ControlPlanePart, args: readonly string[]): Promise<Child> => {
    const logFile = file(`${part}.log`);
    const started = await startChild({
      program,
      args: [part, ...args],
      cwd: folder,
      logFile,
      ...(flags.forLoad ? { env: LOAD_ENVIRONMENT } : {}),
    });
    parts.set(part, started);
    return started;
  };

  const end = async (part: ControlPlanePart): Promise<void> => {
    const found = parts.get(part);
    found?.kill('SIGKILL');
    await found?.ended;
    parts.delete(part);
  };

  const certificateAuthority = (): Promise<string> => readFile(file(`${FILES.certificates}/apiserver.crt`), 'utf8');

  const isReady = async (): Promise<boolean> => {
    const authority = await certificateAuthority().catch(() => undefined);
    if (authority === undefined) return false;
    const answers = (path: string): Promise<boolean> => answersOk({ port: flags.port, path, certificateAuthority: authority, token });
    return (await answers('/readyz')) && (await answers('/api/v1/namespaces/default'));
  };

  /** Starts the API server and waits until it is ready. */
  const startApiServer = async (): Promise<'ready' | 'port-taken'> => {
    const server = await start('apiserver', apiServerFlags(flags));
    for (let waitedMs = 0; waitedMs < READY_MS && !server.hasEnded(); waitedMs += POLL_MS) {
      if (await isReady()) return 'ready';
      await pause(POLL_MS);
    }
    const lastLines = await server.tail(8);
    if (server.hasEnded() && lastLines.includes('address already in use')) return 'port-taken';
    throw new CarpalError('resource-missing', `the API server did not become ready:\n${lastLines}`, { where: folder });
  };

  const restartedApiServer = async (): Promise<void> => {
    if ((await startApiServer()) === 'port-taken')
      throw new CarpalError('resource-missing', `another process has taken port ${flags.port}`);
  };

  const writeKubeconfig = async (name: string, bearer: string): Promise<string> => {
    const path = file(name);
    const text = kubeconfigText({
      server: `https://127.0.0.1:${flags.port}`,
      certificateAuthority: await certificateAuthority(),
      token: bearer,
    });
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };

  const stop = async (): Promise<void> => {
    await Promise.all([...parts.keys()].map(end));
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await writeInputs(folder, flags, token);
    await start('etcd', etcdFlags());
    for (let tries = 1; (await startApiServer()) === 'port-taken'; tries += 1) {
      if (tries === PORT_TRIES) throw new CarpalError('resource-missing', 'no free port found for the API server');
      flags = { ...flags, port: await freePort() };
    }
    const kubeconfig = await writeKubeconfig(FILES.kubeconfig, token);
    await start('controller-manager', controllerManagerFlags(flags));
    await start('scheduler', schedulerFlags(flags));
    return {
      kubeconfig,
      server: `https://127.0.0.1:${flags.port}`,
      folder,
      auditLog: flags.audit !== false ? file(FILES.auditLog) : undefined,
      pids: () => Object.fromEntries([...parts].map(([part, { pid }]) => [part, pid])),
      writeKubeconfig: (name, bearer) => writeKubeconfig(`${name}.kubeconfig.json`, bearer),
      killApiServer: () => end('apiserver'),
      startApiServer: restartedApiServer,
      restartApiServer: async () => {
        await end('apiserver');
        await restartedApiServer();
      },
      pauseApiServer: () => parts.get('apiserver')?.kill('SIGSTOP'),
      resumeApiServer: () => parts.get('apiserver')?.kill('SIGCONT'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Writes the files that the parts read at their start. */
async function writeInputs(folder: string, flags: FlagOptions, token: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const files: Readonly<Record<string, string>> = {
    [FILES.serviceAccountKey]: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    [FILES.tokens]: `${token},admin,admin,"system:masters"\n`,
    [FILES.schedulerConfiguration]: JSON.stringify(schedulerConfiguration(flags)),
    [FILES.auditPolicy]: JSON.stringify(auditPolicy(flags)),
  };
  await mkdir(join(folder, FILES.certificates));
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text, { mode: 0o600 })));
}

/** Whether the API server answers `path` with 200. Never rejects. */
function answersOk({
  port,
  path,
  certificateAuthority,
  token,
}: {
  readonly port: number;
  readonly path: string;
  readonly certificateAuthority: string;
  readonly token: string;
}): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        ca: certificateAuthority,
        headers: { authorization: `Bearer ${token}` },
        agent: false,
        timeout: 2000,
      },
      (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode === 200)).once('error', () => resolve(false));
      },
    );
    sent.once('timeout', () => sent.destroy());
    sent.once('error', () => resolve(false));
    sent.end();
  });
}
