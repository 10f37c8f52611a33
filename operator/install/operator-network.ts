/** Who may connect to the operator, and where it may connect to. */

import type { ManifestSettings } from './manifest-settings.ts';
import { METRICS_PORT, operatorMetadata, operatorSelector } from './manifest-settings.ts';

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
 * Ingress: only the metrics port (probes of the kubelet are always allowed). Egress: DNS, and the ports of API servers and of S3. A policy
 * cannot name the address of the API server, because it differs between clusters. A store on another port needs an entry in the overlay.
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
        // The endpoint of EKS Pod Identity.
        { to: [{ ipBlock: { cidr: '169.254.170.23/32' } }], ports: [tcp(80)] },
      ],
    },
  };
}
