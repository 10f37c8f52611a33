import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

const samples = async (page: Promise<string>, ...names: readonly string[]): Promise<readonly string[]> =>
  (await page).split('\n').filter((line) => names.some((name) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)));

const OF_THE_CLUSTER = [
  'carpal_experiments',
  'carpal_stages',
  'carpal_gpus',
  'carpal_reflector_objects',
  'carpal_queue_depth',
  'carpal_events_waiting',
];

describe('the metrics of a replica', () => {
  it('tell of the cluster while it leads, and no longer when it does not: its last look would stand there for ever', async () => {
    const metrics = createMetrics();
    const stats = { lists: 1, watches: 1, events: 5, relists: 0, repairs: 0, errors: 0 };
    metrics.leading(true);
    metrics.followQueue({ size: 7 });
    metrics.followReflector('jobs', { stats, size: 40 });
    metrics.followExperiments(() => ({ Training: 3 }));
    metrics.followStages(() => [{ stage: 'fold', state: 'Running', count: 5, gpus: 10 }]);
    metrics.followEvents({ written: 9, lost: 1, waiting: 2 });
    expect(await samples(metrics.page(), ...OF_THE_CLUSTER)).toEqual([
      'carpal_reflector_objects{resource="jobs"} 40',
      'carpal_queue_depth 7',
      'carpal_experiments{state="Training"} 3',
      'carpal_stages{stage="fold",state="Running"} 5',
      'carpal_gpus{state="Running"} 10',
      'carpal_events_waiting 2',
    ]);
    metrics.leading(false);
    expect(await samples(metrics.page(), ...OF_THE_CLUSTER)).toEqual(['carpal_queue_depth 0', 'carpal_events_waiting 0']);
    const counted = ['carpal_leader', 'carpal_events_total'];
    expect(await samples(metrics.page(), ...counted)).toEqual([
      'carpal_leader 0',
      'carpal_events_total{outcome="written"} 9',
      'carpal_events_total{outcome="lost"} 1',
    ]);
    metrics.followEvents({ written: 1, lost: 0, waiting: 0 });
    expect(await samples(metrics.page(), 'carpal_events_total')).toEqual([
      'carpal_events_total{outcome="written"} 10',
      'carpal_events_total{outcome="lost"} 1',
    ]);
  });
});
