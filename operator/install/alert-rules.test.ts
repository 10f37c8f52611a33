import { describe, expect, it } from 'vitest';
import { createMetrics } from '../controller/metrics.ts';
import { ALERT_RULES } from './alert-rules.ts';
import { DASHBOARD_ROWS, dashboard } from './dashboard.ts';

/** The metrics page. Some metrics have lines only after an event, so the events are caused here. */
async function servedPage(): Promise<string> {
  const metrics = createMetrics();
  metrics.reconciled({ ok: true, seconds: 1 });
  metrics.apiRequest({ verb: 'list', group: 'batch', resource: 'jobs', code: 200, seconds: 1 });
  metrics.stageEnded('fold', 'failed');
  metrics.gpuSeconds(1);
  const stats = { lists: 1, watches: 1, events: 1, relists: 1, repairs: 1, errors: 1 };
  metrics.followReflector('jobs', { stats, size: 1 });
  metrics.followExperiments(() => ({ Training: 1 }));
  metrics.followHeld(() => ({ ManifestNotUnderstood: 1, NamespaceNotOptedIn: 1 }));
  metrics.followStages(() => [{ stage: 'fold', state: 'Running', count: 1, gpus: 1 }]);
  return await metrics.page();
}

const page = await servedPage();
/** name → labels of its lines */
const served = new Map<string, Set<string>>();
for (const [, name = '', labels = ''] of page.matchAll(/^([a-z_0-9]+)(?:\{([^}]*)\})? /gm)) {
  const known = served.get(name) ?? new Set();
  for (const [, label = ''] of labels.matchAll(/([a-z]+)="/g)) known.add(label);
  served.set(name, known);
}

/** Labels that Prometheus adds when it scrapes. */
const SCRAPE_LABELS = ['pod', 'job', 'namespace'];

const expressions: [string, string][] = [
  ...ALERT_RULES.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...DASHBOARD_ROWS.flatMap(({ panels }) =>
    panels.flatMap(({ title, queries }) => queries.map(({ expr }): [string, string] => [title, expr])),
  ),
];

describe('alerts and dashboard', () => {
  it('cover every kind of metric that the operator defines', () => {
    expect([...served.keys()].filter((name) => name.startsWith('carpal_')).length).toBeGreaterThan(20);
    const own = [...page.matchAll(/^# TYPE (carpal_[a-z_]+) /gm)].map(([, name = '']) => name);
    const used = expressions.map(([, expr]) => expr).join(' ');
    expect(own.filter((name) => !used.includes(name))).toEqual([]);
  });

  it.each(expressions)('%s uses only existing metrics and labels: %s', (_, expr) => {
    const named = [...expr.matchAll(/\b((?:carpal|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)];
    expect(named.length).toBeGreaterThan(0);
    for (const [, name = '', matchers = ''] of named) {
      expect([...served.keys()]).toContain(name);
      const labels = [...matchers.matchAll(/([a-z]+)(?:=|!)/g)].map(([, label = '']) => label);
      for (const label of labels) expect([...(served.get(name) ?? []), ...SCRAPE_LABELS]).toContain(label);
    }
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, ?/));
    const labels = named.flatMap(([, name = '']) => [...(served.get(name) ?? [])]);
    for (const label of grouped) expect([...labels, ...SCRAPE_LABELS, 'le']).toContain(label);
  });

  it.each(ALERT_RULES)('$alert says what is wrong and what to check', ({ alert, summary, description, for: duration }) => {
    expect(alert).toMatch(/^Carpal[A-Za-z]+$/);
    expect(duration).toMatch(/^\d+[mh]$/);
    for (const text of [summary, description]) expect(text).toMatch(/^\S.*[.%]$/);
  });

  it('place panels next to each other without overlap', () => {
    type Placed = { readonly id: number; readonly gridPos: { x: number; y: number; w: number; h: number } };
    const { panels } = dashboard() as { panels: readonly Placed[] };
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});
