/** Who may talk to the operator, and to whom it may talk. */

import type { ManifestSettings } from './manifest-settings.ts';
import { METRICS_PORT, operatorMetadata, operatorSelector } from './manifest-settings.ts';

/** Gives Prometheus a name to ask; headless, since each replica has metrics of its own. */
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
 * In: the metrics port alone (a kubelet's probes are always let through). Out: DNS, and the ports of API servers and of S3. A policy cannot name
 * the API server's address, which differs from cluster to cluster; a store on another port needs a line in the overlay.
 */
export function operatorNetworkPolicy(settings: ManifestSettings): object {
  const tcp = (port: number): object => ({ protocol: 'TCP', port });
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: operatorMetadata(settings),
    spec: {
      podSelector: { matchLabels: operatorSelector(settings) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [tcp(METRICS_PORT.number)] }],
      egress: [
        { ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] },
        { ports: [tcp(443), tcp(6443)] },
        // Where EKS Pod Identity gives credentials.
        { to: [{ ipBlock: { cidr: '169.254.170.23/32' } }], ports: [tcp(80)] },
      ],
    },
  };
}
