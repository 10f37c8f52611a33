/**
 * A real control plane on this machine, without containers: etcd, the API server, its controllers and its scheduler, in a folder of their own,
 * on loopback. For tests and for `make cluster`; nothing in it survives a stop. Nodes are another matter: process-kubelet.ts, simulated-nodes.ts.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CarpalError } from '@carpal/configs/errors.ts';
import { own, removeAbandoned } from './abandoned-folders.ts';
import { clusterTool } from './cluster-tool.ts';
import {
  apiServerFlags,
  auditPolicy,
  controllerManagerFlags,
  etcdFlags,
  FILES,
  type FlagOptions,
  schedulerConfiguration,
  schedulerFlags,
} from './control-plane-flags.ts';
import { machineEnvironment } from './env.ts';
import { freePort } from './free-port.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { answersOk } from './readiness.ts';
import { startTethered, type TetheredProcess } from './tethered-process.ts';

const FOLDER_PREFIX = 'carpal-cluster-';
const READY_MS = 60_000;
const POLL_MS = 25;
const PORT_TRIES = 5;
/** Under load a fifth of the API server's time would go into collecting garbage; memory is cheaper here, up to a bound. */
const LOADED: Readonly<Record<string, string>> = { ...machineEnvironment(), GOGC: '800', GOMEMLIMIT: '12GiB' };

export type ControlPlaneOptions = Partial<Omit<FlagOptions, 'port'>>;

export type ControlPlanePart = 'etcd' | 'apiserver' | 'controller-manager' | 'scheduler';

export type ControlPlane = {
  /** Path of a kubeconfig of a cluster administrator. */
  readonly kubeconfig: string;
  /** `https://127.0.0.1:<port>`; the same after a restart. */
  readonly server: string;
  /** Holds everything; gone after `stop`. Logs are `<part>.log`. */
  readonly folder: string;
  /** Path of the audit log, where `audit` asked for one; see audit-log.ts. */
  readonly auditLog: string | undefined;
  /** The process of each part that runs. */
  pids(): Readonly<Partial<Record<ControlPlanePart, number>>>;
  /** A kubeconfig for another identity of the API server, such as a service account's token; its path. */
  writeKubeconfig(name: string, token: string): Promise<string>;
  /** SIGKILL: connections break at once. Returns when it has ended. */
  killApiServer(): Promise<void>;
  /** Starts it again after `killApiServer`, at the same address with the same data; ready when it returns. */
  startApiServer(): Promise<void>;
  /** Both. */
  restartApiServer(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing comes. */
  pauseApiServer(): void;
  resumeApiServer(): void;
  /** Ends every part and removes the folder. */
  stop(): Promise<void>;
};

/**
 * Starts a control plane; ready to create objects when it returns, some two seconds later. Its parts die with this process, even one that is
 * killed. Throws `resource-missing` when it is not built or does not start, with what the part said last.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  await removeAbandoned(tmpdir(), FOLDER_PREFIX);
  const folder = await mkdtemp(join(tmpdir(), FOLDER_PREFIX));
  await own(folder);
  const parts = new Map<ControlPlanePart, TetheredProcess>();
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

  const start = async (part: ControlPlanePart, args: readonly string[]): Promise<TetheredProcess> => {
    const logFile = file(`${part}.log`);
    const started = await startTethered({
      program,
      args: [part, ...args],
      cwd: folder,
      logFile,
      ...(flags.forLoad ? { env: LOADED } : {}),
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
    const ask = (path: string): Promise<boolean> => answersOk({ port: flags.port, path, certificateAuthority: authority, token });
    return (await ask('/readyz')) && (await ask('/api/v1/namespaces/default'));
  };

  /** Starts the API server and waits for it. */
  const startApiServer = async (): Promise<'ready' | 'port-taken'> => {
    const server = await start('apiserver', apiServerFlags(flags));
    for (let waitedMs = 0; waitedMs < READY_MS && !server.hasEnded(); waitedMs += POLL_MS) {
      if (await isReady()) return 'ready';
      await pause(POLL_MS);
    }
    const said = await server.tail(8);
    if (server.hasEnded() && said.includes('address already in use')) return 'port-taken';
    throw new CarpalError('resource-missing', `the API server did not become ready:\n${said}`, { where: folder });
  };

  const restartedApiServer = async (): Promise<void> => {
    if ((await startApiServer()) === 'port-taken') throw new CarpalError('resource-missing', `port ${flags.port} was taken meanwhile`);
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
    // The API server last but one: without it the others only complain.
    await Promise.all([...parts.keys()].map(end));
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await writeInputs(folder, flags, token);
    await start('etcd', etcdFlags());
    for (let tries = 1; (await startApiServer()) === 'port-taken'; tries += 1) {
      if (tries === PORT_TRIES) throw new CarpalError('resource-missing', 'no free port was found for the API server');
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

/** The files that the parts are started with. */
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
