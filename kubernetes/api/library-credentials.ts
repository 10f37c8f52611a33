/** All kinds of credentials that a kubeconfig can contain, by `@kubernetes/client-node`: programs that create tokens, OIDC, proxies. */
import type { Agent, RequestOptions } from 'node:https';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import type { ConnectionPlace, Credentials } from './credentials.ts';

type KubeConfig = import('@kubernetes/client-node').KubeConfig;

/** Loads the library only here, because it costs 70 MB of memory and half a second. */
async function loadKubeConfig(place: ConnectionPlace): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  if (place.server !== undefined) {
    const cluster = { name: 'server', server: place.server, skipTLSVerify: place.server.startsWith('http:') };
    config.loadFromClusterAndUser(cluster, { name: 'anonymous' });
  } else if (place.kubeconfig !== undefined) config.loadFromFile(place.kubeconfig);
  else config.loadFromDefault();
  if (place.context !== undefined) config.setCurrentContext(place.context);
  return config;
}

function serverOf(config: KubeConfig, place: ConnectionPlace): URL {
  const server = config.getCurrentCluster()?.server;
  if (server !== undefined && URL.canParse(server)) return new URL(server);
  const file = place.kubeconfig ?? 'the kubeconfig';
  throw new CarpalError('kubeconfig-invalid', `the context '${config.getCurrentContext()}' names no cluster`, { where: file });
}

/** TLS options and headers. The library's agent is kept only for a proxy, because it keeps no connection alive. */
async function requestOptions(config: KubeConfig): Promise<RequestOptions> {
  const options: RequestOptions & { agent?: Agent } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const { agent, ...rest } = options;
  const proxied = config.getCurrentCluster()?.proxyUrl !== undefined;
  return proxied && agent !== undefined ? { ...rest, agent } : rest;
}

/** Reads the credentials of a place. Throws `kubeconfig-invalid` if the file, the context or the cluster does not exist. */
export async function openLibraryCredentials(place: ConnectionPlace): Promise<Credentials> {
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
  let pending: Promise<RequestOptions> | undefined;
  const read = async (): Promise<RequestOptions> => {
    config ??= load();
    try {
      return await requestOptions(await config);
    } catch (error) {
      config = undefined;
      throw error;
    } finally {
      pending = undefined;
    }
  };
  return {
    server: serverOf(first, place),
    namespace: first.getContextObject(first.getCurrentContext())?.namespace,
    // Concurrent requests share one call: a plugin is a process and must not be started for each request.
    options: () => (pending ??= read()),
    renew: () => {
      config = undefined;
    },
  };
}
