/**
 * The real Kueue next to the control plane: a process of this machine that runs with the rights of its own service account. Queues are
 * made with kueue-queues.ts. While it runs, the API server asks it about every Job and pod outside of kube-system, so it needs a control
 * plane that no other test uses.
 */
import { realpathSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectCondition } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath, SECRETS, SERVICE_ACCOUNTS } from '@carpal/kubernetes/api/resource-path.ts';
import { type Child, clusterTool, startChild } from './child-process.ts';
import type { ControlPlane } from './control-plane.ts';
import { freePort } from './free-port.ts';
import {
  KUEUE_CERTIFICATES,
  KUEUE_NAMESPACE,
  KUEUE_SERVICE_ACCOUNT,
  type KueuePorts,
  kueueConfiguration,
  kueueManifests,
  resourceOf,
} from './kueue-manifests.ts';
import { waitFor } from './wait-for.ts';

const READY_MS = 60_000;
const POLL_MS = 50;
const PORT_TRIES = 5;
const PORT_TAKEN = 'address already in use';

export type Kueue = {
  readonly pid: number;
  /** It is deleted by `stop`. */
  readonly logFile: string;
  /** Ends Kueue. Its objects stay, so that from then on no Job can be created. */
  stop(): Promise<void>;
};

export type KueueOptions = {
  readonly client: KubernetesClient;
  readonly controlPlane: Pick<ControlPlane, 'writeKubeconfig'>;
};

/**
 * Starts Kueue. It is ready when it returns, after about five seconds. It ends with this process. Throws `resource-missing` if Kueue has
 * not been built or does not start, with the last lines of its log.
 */
export async function startKueue({ client, controlPlane }: KueueOptions): Promise<Kueue> {
  const program = clusterTool('kueue');
  const rendered = JSON.parse(await readFile(join(dirname(realpathSync(program)), 'manifests.json'), 'utf8')) as readonly unknown[];
  const folder = await mkdtemp(join(tmpdir(), 'carpal-kueue-'));
  const certificates = join(folder, 'certificates');
  const logFile = join(folder, 'kueue.log');
  await mkdir(certificates);
  const stop = async (child?: Child): Promise<void> => {
    child?.kill('SIGKILL');
    await child?.ended;
    await rm(folder, { recursive: true, force: true });
  };
  let child: Child | undefined;
  try {
    for (let tries = 1; ; tries += 1) {
      const ports: KueuePorts = { webhooks: await freePort(), health: await freePort() };
      const { objects, webhooks } = kueueManifests(rendered, ports);
      await applyInOrder(client, objects);
      const kubeconfig = await controlPlane.writeKubeconfig('kueue', await serviceAccountToken(client));
      await Promise.all(webhooks.map((one) => apply(client, one)));
      const configuration = join(folder, 'configuration.json');
      await writeFile(configuration, JSON.stringify(kueueConfiguration(ports, certificates)));
      const args = ['--kubeconfig', kubeconfig, '--config', configuration, '--zap-log-level=2'];
      child = await startChild({ program, args, cwd: folder, logFile });
      const { pid } = child;
      await mountCertificates(client, certificates);
      if ((await untilReady(child, ports, logFile)) === 'ready') return { pid, logFile, stop: () => stop(child) };
      if (tries === PORT_TRIES) throw new CarpalError('resource-missing', 'no free ports found for Kueue');
    }
  } catch (error) {
    await stop(child);
    throw error;
  }
}

/** Server-side apply, which also takes over what an earlier start made. */
export async function apply(client: KubernetesClient, object: KubernetesObject): Promise<void> {
  const { apiVersion = '', kind = '', metadata } = object;
  const place = { name: metadata.name, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) };
  const path = resourcePath(resourceOf({ apiVersion, kind }), place);
  await client.request({ method: 'PATCH', patch: 'apply', path, query: { fieldManager: 'carpal-testbed', force: true }, body: object });
}

type Crd = KubernetesObject & { readonly status?: { readonly conditions?: readonly ObjectCondition[] } };

/** Namespaces first, then all others. Returns when the custom resources are served. */
async function applyInOrder(client: KubernetesClient, objects: readonly KubernetesObject[]): Promise<void> {
  const isNamespace = ({ kind }: KubernetesObject): boolean => kind === 'Namespace';
  for (const one of objects.filter(isNamespace)) await apply(client, one);
  await Promise.all(objects.filter((one) => !isNamespace(one)).map((one) => apply(client, one)));
  const crds = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
  await Promise.all(
    crds.map(({ apiVersion = '', kind = '', metadata: { name } }) =>
      waitFor<Crd>(client, resourcePath(resourceOf({ apiVersion, kind }), { name }), ({ status }) =>
        (status?.conditions ?? []).some((condition) => condition.type === 'Established' && condition.status === 'True'),
      ),
    ),
  );
}

async function serviceAccountToken(client: KubernetesClient): Promise<string> {
  const { status } = await client.request<{ status: { token: string } }>({
    method: 'POST',
    path: `${resourcePath(SERVICE_ACCOUNTS, { namespace: KUEUE_NAMESPACE, name: KUEUE_SERVICE_ACCOUNT })}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 24 * 3600 } },
  });
  return status.token;
}

type Secret = KubernetesObject & { readonly data?: Readonly<Record<string, string>> };

/** Does what a kubelet does with a Secret's volume: Kueue makes its certificates, writes them to its Secret and waits for these files. */
async function mountCertificates(client: KubernetesClient, folder: string): Promise<void> {
  const path = resourcePath(SECRETS, { namespace: KUEUE_NAMESPACE, name: KUEUE_CERTIFICATES });
  const { data = {} } = await waitFor<Secret>(client, path, (secret) => secret.data?.['tls.crt'] !== undefined);
  for (const [name, content] of Object.entries(data)) await writeFile(join(folder, name), Buffer.from(content, 'base64'), { mode: 0o600 });
}

async function untilReady(child: Child, { health }: KueuePorts, logFile: string): Promise<'ready' | 'port-taken'> {
  for (let waitedMs = 0; waitedMs < READY_MS && !child.hasEnded(); waitedMs += POLL_MS) {
    const isReady = await fetch(`http://127.0.0.1:${health}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return 'ready';
    await pause(POLL_MS);
  }
  const lastLines = await child.tail(8);
  if (child.hasEnded() && lastLines.includes(PORT_TAKEN)) return 'port-taken';
  throw new CarpalError('resource-missing', `Kueue did not become ready:\n${lastLines}`, { where: logFile });
}
