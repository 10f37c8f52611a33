/** Where a pod may connect to, in a NetworkPolicy. */
import { isIP } from 'node:net';

/** A rule of a NetworkPolicy for outgoing connections. */
export type EgressRule = {
  readonly to?: readonly object[];
  readonly ports: readonly { readonly protocol: string; readonly port: number }[];
};

/** A server: the addresses or the namespace in which its pods are, and its port. */
export type NetworkPeer = { readonly to: object; readonly port: number };

/**
 * The peer in a text such as `10.0.0.0/8:9000` (addresses) or `minio:9000` (every pod of a namespace); undefined if it is neither. The port
 * is the port of the pods, which may differ from the port of their Service.
 */
export function networkPeer(text: string): NetworkPeer | undefined {
  const [, place = '', digits = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  if (isCidr(place)) return { to: { ipBlock: { cidr: place } }, port };
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(place)) return undefined;
  return { to: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': place } } }, port };
}

function isCidr(text: string): boolean {
  const [, address = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(digits) <= (version === 4 ? 32 : 128);
}

export const tcp = (port: number) => ({ protocol: 'TCP', port });

/** DNS servers are pods, or processes on the node, so their addresses differ between clusters. */
export const DNS: EgressRule = { ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] };

/** The endpoint of EKS Pod Identity, by IPv4 and IPv6. The address of the node's own credentials is a different one. */
export const POD_IDENTITY: EgressRule = {
  to: ['169.254.170.23/32', 'fd00:ec2::23/128'].map((cidr) => ({ ipBlock: { cidr } })),
  ports: [tcp(80)],
};

/** Connections to these peers. */
export function toPeers(peers: readonly NetworkPeer[]): readonly EgressRule[] {
  return peers.map(({ to, port }) => ({ to: [to], ports: [tcp(port)] }));
}

/**
 * Connections to the artifact store and the data sets. Without peers: to any address, on the port that the endpoint in the environment has,
 * and on 443, because a NetworkPolicy cannot name a host.
 */
export function toStore(peers: readonly NetworkPeer[] | undefined, env: Readonly<Record<string, string>>): readonly EgressRule[] {
  if (peers !== undefined) return toPeers(peers);
  const endpoint = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  return [{ ports: [...new Set([443, ...(endpoint === undefined ? [] : portOf(endpoint))])].map(tcp) }];
}

function portOf(address: string): readonly number[] {
  const { protocol, port } = URL.parse(address) ?? { protocol: '', port: '' };
  if (port !== '') return [Number(port)];
  return protocol === 'http:' ? [80] : [];
}
