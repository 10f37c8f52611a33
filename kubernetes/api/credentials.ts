/** Where the API server is and how to prove who asks: a kubeconfig, the pod's own service account, or a bare address. */
import type { Agent, RequestOptions } from 'node:https';
import { CarpalError } from '@carpal/configs/errors.ts';
import { messageOf } from '@carpal/configs/message-of.ts';
import { openPlainCredentials } from './plain-credentials.ts';

export type ConnectionPlace = {
  /** A kubeconfig file. Without one: $KUBECONFIG, ~/.kube/config, then the service account of the pod that this runs in. */
  readonly kubeconfig?: string;
  /** Of the kubeconfig; its current context where absent. */
  readonly context?: string;
  /** A server that asks for no credentials, such as `kubectl proxy`: `http://127.0.0.1:8001`. Nothing else is looked at then. */
  readonly server?: string;
};

export type Credentials = {
  readonly server: URL;
  /** Namespace of the context, or of the pod. */
  readonly namespace: string | undefined;
  /** TLS options and headers of one request. Tokens are read anew when they are due: a pod's each minute, a plugin's when it expires. */
  options(): Promise<RequestOptions>;
  /** Forgets tokens at hand, after the server has refused them. */
  renew(): void;
};

type KubeConfig = import('@kubernetes/client-node').KubeConfig;

/** The library costs 70 MB of memory and half a second, so it is loaded for credentials alone that need a program. */
async function loadKubeConfig(place: ConnectionPlace): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  if (place.server !== undefined) {
    const cluster = { name: 'server', server: place.server, skipTLSVerify: place.server.startsWith('http:') };
    config.loadFromClusterAndUser(cluster, { name: 'nobody' });
  } else if (place.kubeconfig !== undefined) config.loadFromFile(place.kubeconfig);
  else config.loadFromDefault();
  if (place.context !== undefined) config.setCurrentContext(place.context);
  return config;
}

function serverOf(config: KubeConfig, place: ConnectionPlace): URL {
  const server = config.getCurrentCluster()?.server;
  if (server !== undefined && URL.canParse(server)) return new URL(server);
  const file = place.kubeconfig ?? 'the kubeconfig';
  throw new CarpalError('kubeconfig-invalid', `no cluster is named by the context '${config.getCurrentContext()}'`, { where: file });
}

/** The options that make a connection and prove who asks. The library's own agent is left out, since it keeps no connection alive, unless it goes through a proxy. */
async function requestOptions(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions & { agent?: Agent } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const { agent, ...rest } = options;
  const proxied = config.getCurrentCluster()?.proxyUrl !== undefined;
  return proxied && agent !== undefined ? { ...rest, agent } : rest;
}

/** Reads the credentials of a place. Throws `kubeconfig-invalid` when there is no such file, context or cluster in it. */
export async function openCredentials(place: ConnectionPlace): Promise<Credentials> {
  return (await openPlainCredentials(place, () => performance.now())) ?? (await openLibraryCredentials(place));
}

/** Whatever a kubeconfig may say: programs that make tokens, OIDC, proxies. */
async function openLibraryCredentials(place: ConnectionPlace): Promise<Credentials> {
  const load = (): Promise<KubeConfig> =>
    loadKubeConfig(place).catch((cause: unknown) => {
      const text = messageOf(cause);
      throw new CarpalError('kubeconfig-invalid', `the kubeconfig cannot be used: ${text}`, {
        where: place.kubeconfig ?? 'the kubeconfig',
        cause,
      });
    });
  const first = await load();
  let config: Promise<KubeConfig> | undefined = Promise.resolve(first);
  let asking: Promise<RequestOptions> | undefined;
  const ask = async (): Promise<RequestOptions> => {
    config ??= load();
    try {
      return await requestOptions(await config);
    } catch (error) {
      config = undefined;
      throw error;
    } finally {
      asking = undefined;
    }
  };
  return {
    server: serverOf(first, place),
    namespace: first.getContextObject(first.getCurrentContext())?.namespace,
    // One question for all that ask at once: a plugin is a process, and must not be started for each request of a burst.
    options: () => (asking ??= ask()),
    renew: () => {
      config = undefined;
    },
  };
}
