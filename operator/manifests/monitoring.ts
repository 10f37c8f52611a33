/** For clusters with the Prometheus operator and Grafana: what to scrape, when to call somebody, what to look at. */
import { alertGroup } from './alert-rules.ts';
import { dashboard } from './dashboard.ts';
import { METRICS_PORT, OPERATOR_LABELS, OPERATOR_NAME, OPERATOR_SELECTOR } from './labels.ts';

/** ServiceMonitor, PrometheusRule and a ConfigMap that Grafana's sidecar takes for a dashboard. */
export function monitoring(namespace: string): readonly object[] {
  const metadata = { name: OPERATOR_NAME, namespace, labels: OPERATOR_LABELS };
  return [
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata,
      spec: {
        selector: { matchLabels: OPERATOR_SELECTOR },
        namespaceSelector: { matchNames: [namespace] },
        endpoints: [{ port: METRICS_PORT.name, path: '/metrics', interval: '30s', scrapeTimeout: '10s' }],
      },
    },
    { apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', metadata, spec: { groups: [alertGroup()] } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...metadata, name: 'carpal-dashboard', labels: { ...OPERATOR_LABELS, grafana_dashboard: '1' } },
      data: { 'carpal.json': `${JSON.stringify(dashboard(), null, 2)}\n` },
    },
  ];
}
