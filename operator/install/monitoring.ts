/** For clusters with the Prometheus operator and Grafana: what to scrape, the alerts, and the dashboard. */
import { alertGroup } from './alert-rules.ts';
import { dashboard } from './dashboard.ts';
import type { ManifestSettings } from './manifest-settings.ts';
import { METRICS_PORT, OPERATOR_LABELS, operatorMetadata, operatorSelector } from './manifest-settings.ts';

/** A ServiceMonitor, and for all operators together a PrometheusRule and a ConfigMap that Grafana's sidecar loads as a dashboard. */
export function monitoring(settings: ManifestSettings): readonly object[] {
  const { namespace } = settings;
  return [
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: operatorMetadata(settings),
      spec: {
        selector: { matchLabels: operatorSelector(settings) },
        namespaceSelector: { matchNames: [namespace] },
        endpoints: [{ port: METRICS_PORT.name, path: '/metrics', interval: '30s', scrapeTimeout: '10s' }],
      },
    },
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'carpal-operator', namespace, labels: OPERATOR_LABELS },
      spec: { groups: [alertGroup()] },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'carpal-dashboard', namespace, labels: { ...OPERATOR_LABELS, grafana_dashboard: '1' } },
      data: { 'carpal.json': `${JSON.stringify(dashboard(), null, 2)}\n` },
    },
  ];
}
