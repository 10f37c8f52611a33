/** Who may connect to the operator, and where it may connect to. */

import { type ManifestSettings, METRICS_PORT, operatorMetadata, operatorSelector } from './manifest-settings.ts';
import { DNS, POD_IDENTITY, tcp, toPeers, toStore } from './network-peer.ts';

/** The Service that Prometheus scrapes. It is headless, because each replica has its own metrics. */
export function operatorService(settings: ManifestSettings): object {
  const port = { name: METRICS_PORT.name, port: METRICS_PORT.number, targetPort: METRICS_PORT.name, protocol: 'TCP' };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: operatorMetadata(settings),
    spec: { clusterIP: 'None', selector: operatorSelector(settings), ports: [port] },
  };
}

/**
 * Ingress: only the metrics port (probes of the kubelet are always allowed). Egress: DNS, the ports of API servers, the artifact store and
 * an MLflow server in the cluster. A policy cannot name the address of the API server, because it differs between clusters.
 */
export function operatorNetworkPolicy(settings: ManifestSettings): object {
  const { storePeers, mlflowPeer, env } = settings;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: operatorMetadata(settings),
    spec: {
      podSelector: { matchLabels: operatorSelector(settings) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [tcp(METRICS_PORT.number)] }],
      egress: [
        DNS,
        { ports: [tcp(443), tcp(6443)] },
        ...toStore(storePeers, env),
        ...toPeers(mlflowPeer === undefined ? [] : [mlflowPeer]),
        POD_IDENTITY,
      ],
    },
  };
}
