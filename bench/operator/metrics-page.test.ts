import { createMetrics } from '@carpal/operator/controller/metrics.ts';
import { describe, expect, it } from 'vitest';
import { histogramQuantile, parseMetrics, total } from './metrics-page.ts';

describe('parseMetrics', () => {
  it('reads a page that the operator writes, with and without labels', async () => {
    const metrics = createMetrics();
    metrics.followEvents({ written: 12, lost: 1, waiting: 0 });
    metrics.leading(true);
    for (let index = 0; index < 98; index++) metrics.reconciled({ ok: true, seconds: 0.003 });
    for (let index = 0; index < 2; index++) metrics.reconciled({ ok: false, seconds: 0.4 });
    const samples = parseMetrics(await metrics.page());
    expect(total(samples, 'carpal_events_total', { outcome: 'written' })).toBe(12);
    expect(total(samples, 'carpal_events_total')).toBe(13);
    expect(total(samples, 'carpal_leader')).toBe(1);
    expect(total(samples, 'carpal_reconcile_total')).toBe(100);
    expect(total(samples, 'carpal_nothing_total')).toBe(0);
    const median = histogramQuantile(samples, 'carpal_reconcile_duration_seconds', 0.5);
    expect(median).toBeGreaterThan(0.001);
    expect(median).toBeLessThanOrEqual(0.005);
    const high = histogramQuantile(samples, 'carpal_reconcile_duration_seconds', 0.99);
    expect(high).toBeGreaterThan(0.25);
    expect(high).toBeLessThanOrEqual(0.5);
  });

  it('returns NaN without observations', async () => {
    const samples = parseMetrics(await createMetrics().page());
    expect(histogramQuantile(samples, 'carpal_reconcile_duration_seconds', 0.5)).toBeNaN();
  });
});
