/**
 * What Kueue needs on the API server and in its folder, made from its own rendered manifests. Kueue runs as a process of this machine, so
 * nothing is deployed, and its Service leads to a port of this machine.
 */

import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import type { Resource } from '@carpal/kubernetes/api/resource-path.ts';

export const KUEUE_NAMESPACE = 'kueue-system';
export const KUEUE_SERVICE_ACCOUNT = 'kueue-controller-manager';
/** Kueue fills this Secret with its own certificates. */
export const KUEUE_CERTIFICATES = 'kueue-webhook-server-cert';
const WEBHOOK_SERVICE = 'kueue-webhook-service';
/** In namespaces with this label, Kueue also holds Jobs that name no queue (`manageJobsWithoutQueueName`). */
export const MANAGES_ALL_JOBS: Readonly<Record<string, string>> = { 'testbed/kueue-manages-all-jobs': 'true' };

export type KueuePorts = { readonly webhooks: number; readonly health: number };

type Manifest = KubernetesObject & { readonly apiVersion: string; readonly kind: string };
type ClientConfig = { service?: { name: string; port?: number } };
type WithWebhooks = {
  readonly webhooks?: readonly { readonly clientConfig: ClientConfig }[];
  readonly spec?: { readonly conversion?: { readonly webhook?: { readonly clientConfig: ClientConfig } } };
};

/** The visibility server is off, and an APIService without a server breaks discovery. */
const LEFT_OUT: ReadonlySet<string> = new Set(['Deployment', 'APIService', 'Service', 'ConfigMap']);

/**
 * The objects to apply, in two groups: webhooks can only be applied when everything else exists, because Kueue does not answer yet.
 * `rendered`: the objects of Kueue's own kustomization.
 */
export function kueueManifests(
  rendered: readonly unknown[],
  { webhooks: port }: Pick<KueuePorts, 'webhooks'>,
): { readonly objects: readonly Manifest[]; readonly webhooks: readonly Manifest[] } {
  const manifests = structuredClone(rendered) as readonly Manifest[];
  for (const manifest of manifests) {
    const { webhooks = [], spec } = manifest as WithWebhooks;
    const conversion = spec?.conversion?.webhook;
    for (const { clientConfig } of conversion === undefined ? webhooks : [conversion]) {
      if (clientConfig.service !== undefined) clientConfig.service.port = port;
    }
  }
  const kept = manifests.filter(({ kind }) => !LEFT_OUT.has(kind));
  const isWebhook = ({ kind }: Manifest): boolean => kind.endsWith('WebhookConfiguration');
  return { objects: [...kept.filter((one) => !isWebhook(one)), webhookService()], webhooks: kept.filter(isWebhook) };
}

/** An ExternalName: the API server then connects to this machine, and still expects the certificate of the Service's name. */
function webhookService(): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: WEBHOOK_SERVICE, namespace: KUEUE_NAMESPACE },
    ...{ spec: { type: 'ExternalName', externalName: 'localhost' } },
  };
}

/** Kueue's configuration file. `certificates`: the folder into which the Secret's files are written. */
export function kueueConfiguration({ webhooks, health }: KueuePorts, certificates: string): object {
  return {
    apiVersion: 'config.kueue.x-k8s.io/v1beta2',
    kind: 'Configuration',
    namespace: KUEUE_NAMESPACE,
    health: { healthProbeBindAddress: `127.0.0.1:${health}` },
    metrics: { bindAddress: '0' },
    webhook: { host: '127.0.0.1', port: webhooks, certDir: certificates },
    leaderElection: { leaderElect: false },
    internalCertManagement: { enable: true, webhookServiceName: WEBHOOK_SERVICE, webhookSecretName: KUEUE_CERTIFICATES },
    // ManagedJobsNamespaceSelectorAlwaysRespected would also free Jobs that name a queue, outside the namespaces with the label.
    featureGates: {
      VisibilityOnDemand: false,
      MultiKueue: false,
      TopologyAwareScheduling: false,
      ManagedJobsNamespaceSelectorAlwaysRespected: false,
    },
    manageJobsWithoutQueueName: true,
    managedJobsNamespaceSelector: { matchLabels: MANAGES_ALL_JOBS },
    integrations: { frameworks: ['batch/job'] },
  };
}

/** The resource of an object, by the API's rule for plurals. */
export function resourceOf({ apiVersion, kind }: Pick<Manifest, 'apiVersion' | 'kind'>): Resource {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const singular = kind.toLowerCase();
  return { group, version, plural: singular.endsWith('s') ? `${singular}es` : `${singular}s` };
}
