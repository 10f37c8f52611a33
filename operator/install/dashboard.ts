/** The Grafana dashboard of the operator, as JSON for import. */

type Unit = 'short' | 's' | 'percentunit' | 'bytes' | 'ops' | 'reqps' | 'h';
type Query = { readonly expr: string; readonly legend: string };
type Panel = {
  readonly title: string;
  readonly about?: string;
  readonly unit?: Unit;
  readonly kind?: 'stat' | 'timeseries';
  readonly queries: readonly Query[];
};
type Row = { readonly title: string; readonly panels: readonly Panel[] };

const one = (title: string, expr: string, legend: string, unit: Unit = 'short', about = ''): Panel => ({
  title,
  unit,
  queries: [{ expr, legend }],
  ...(about === '' ? {} : { about }),
});
const figure = (title: string, expr: string, unit: Unit = 'short'): Panel => ({ ...one(title, expr, '', unit), kind: 'stat' });

const quantiles = (title: string, bucket: string, by: string): Panel => ({
  title,
  unit: 's',
  queries: [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le${by === '' ? '' : `, ${by}`}) (rate(${bucket}[$__rate_interval])))`,
    legend: `p${quantile * 100}${by === '' ? '' : ` {{${by}}}`}`,
  })),
});

export const DASHBOARD_ROWS: readonly Row[] = [
  {
    title: 'Experiments',
    panels: [
      figure('Active', 'sum(max by (state) (carpal_experiments{state!~"Complete|Failed"}))'),
      figure('Failed', 'sum(max by (state) (carpal_experiments{state="Failed"}))'),
      { ...one('By state', 'max by (state) (carpal_experiments)', '{{state}}') },
      one('Active stages', 'max by (stage, state) (carpal_stages)', '{{stage}} {{state}}'),
    ],
  },
  {
    title: 'Attempts',
    panels: [
      one('Ended per hour, by outcome', 'sum by (outcome) (increase(carpal_stage_attempts_total[1h]))', '{{outcome}}'),
      one('Failed per hour, by stage', 'sum by (stage) (increase(carpal_stage_attempts_total{outcome="failed"}[1h]))', '{{stage}}'),
      one('Disrupted per hour, by stage', 'sum by (stage) (increase(carpal_stage_attempts_total{outcome="disrupted"}[1h]))', '{{stage}}'),
    ],
  },
  {
    title: 'GPUs',
    panels: [
      one(
        'In use and requested',
        'max by (state) (carpal_gpus)',
        '{{state}}',
        'short',
        'By the state of the fold: a Starting fold waits for its Job, a Pending fold for a node or its image.',
      ),
      one('GPU hours of ended attempts, per day', 'sum(increase(carpal_gpu_seconds_total[1d])) / 3600', 'GPU hours', 'h'),
      figure('GPU hours in this range', 'sum(increase(carpal_gpu_seconds_total[$__range])) / 3600', 'h'),
    ],
  },
  {
    title: 'Queue',
    panels: [
      one('Due and waiting', 'max(carpal_queue_depth)', 'experiments'),
      quantiles('Wait before a step', 'carpal_queue_wait_seconds_bucket', ''),
      one('Steps', 'sum by (result) (rate(carpal_reconcile_total[$__rate_interval]))', '{{result}}', 'ops'),
      quantiles('Duration of a step', 'carpal_reconcile_duration_seconds_bucket', ''),
      one('Retries', 'sum(rate(carpal_queue_retries_total[$__rate_interval]))', 'retries', 'ops'),
    ],
  },
  {
    title: 'API server and artifact store',
    panels: [
      one('Requests', 'sum by (verb, resource) (rate(carpal_api_requests_total[$__rate_interval]))', '{{verb}} {{resource}}', 'reqps'),
      one('Refused or unanswered', 'sum by (code) (rate(carpal_api_requests_total{code!~"2.."}[$__rate_interval]))', '{{code}}', 'reqps'),
      quantiles('Response time', 'carpal_api_request_duration_seconds_bucket', 'verb'),
      one('Artifact store unavailable', 'sum(increase(carpal_store_failures_total[10m]))', 'times in 10 minutes'),
      one('Events waiting to be written', 'max(carpal_events_waiting)', 'events'),
      one('Events', 'sum by (outcome) (rate(carpal_events_total[$__rate_interval]))', '{{outcome}}', 'ops'),
    ],
  },
  {
    title: 'Reflectors',
    panels: [
      one('Objects in memory', 'max by (resource) (carpal_reflector_objects)', '{{resource}}'),
      one('Changes', 'sum by (resource) (rate(carpal_reflector_events_total[$__rate_interval]))', '{{resource}}', 'ops'),
      one('Full lists per hour', 'sum by (resource) (increase(carpal_reflector_lists_total[1h]))', '{{resource}}'),
      one('Watches per hour', 'sum by (resource) (increase(carpal_reflector_watches_total[1h]))', '{{resource}}'),
      {
        title: 'Lost positions, repaired objects, errors per hour',
        queries: ['relists', 'repairs', 'errors'].map((what) => ({
          expr: `sum by (resource) (increase(carpal_reflector_${what}_total[1h]))`,
          legend: `${what} {{resource}}`,
        })),
      },
    ],
  },
  {
    title: 'Process',
    panels: [
      one('Leader', 'carpal_leader', '{{pod}}'),
      one('Memory', 'process_resident_memory_bytes{job=~".*carpal-operator.*"}', '{{pod}}', 'bytes'),
      one('CPU', 'rate(process_cpu_seconds_total{job=~".*carpal-operator.*"}[$__rate_interval])', '{{pod}}', 'percentunit'),
      one('Event loop lag, p99', 'nodejs_eventloop_lag_p99_seconds{job=~".*carpal-operator.*"}', '{{pod}}', 's'),
    ],
  },
];

const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const WIDTH = 24;
const HEIGHT = 8;

/** Places up to three panels of a row next to each other, and the rest below. */
function placed(panels: readonly Panel[], top: number): { readonly panels: readonly object[]; readonly bottom: number } {
  const across = Math.min(panels.length, 3);
  const width = Math.floor(WIDTH / across);
  const bottom = top + Math.ceil(panels.length / across) * HEIGHT;
  const objects = panels.map((panel, index) => ({
    type: panel.kind ?? 'timeseries',
    title: panel.title,
    ...(panel.about === undefined ? {} : { description: panel.about }),
    datasource: DATASOURCE,
    gridPos: { x: (index % across) * width, y: top + Math.floor(index / across) * HEIGHT, w: width, h: HEIGHT },
    fieldConfig: { defaults: { unit: panel.unit ?? 'short', min: 0 }, overrides: [] },
    targets: panel.queries.map(({ expr, legend }, number) => ({
      datasource: DATASOURCE,
      refId: String.fromCharCode(65 + number),
      expr,
      legendFormat: legend === '' ? '__auto' : legend,
    })),
  }));
  return { panels: objects, bottom };
}

/** The dashboard. Panel ids are positions, so that the same code produces the same file. */
export function dashboard(): object {
  const panels: object[] = [];
  let top = 0;
  for (const row of DASHBOARD_ROWS) {
    panels.push({ type: 'row', title: row.title, collapsed: false, gridPos: { x: 0, y: top, w: WIDTH, h: 1 }, panels: [] });
    const { panels: below, bottom } = placed(row.panels, top + 1);
    panels.push(...below);
    top = bottom;
  }
  return {
    uid: 'carpal-operator',
    title: 'carpal',
    tags: ['carpal'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} }] },
    panels: panels.map((panel, index) => ({ id: index + 1, ...panel })),
  };
}
