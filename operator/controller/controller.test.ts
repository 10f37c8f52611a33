import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { hasCondition, type RunningOperator, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const world = useOperatorWorld();
let operator: RunningOperator;
beforeAll(async () => {
  operator = await world().startOperator();
});
afterAll(() => operator.stop());

const jobNames = async (prefix: string): Promise<string[]> => {
  const { client, namespace } = world();
  const { items } = await client.request<{ items: Job[] }>({ method: 'GET', path: resourcePath(JOBS, { namespace }) });
  return items
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith(`${prefix}-`))
    .toSorted();
};

/** The state changes of an experiment in the operator's log. */
const changesOf = (name: string): string[] =>
  operator.log
    .map((line) => JSON.parse(line) as Record<string, string>)
    .filter(({ experiment, from, level }) => experiment === `${world().namespace}/${name}` && from !== undefined && level === 'info')
    .map(({ stage, attempt, from, to }) => `${stage === undefined ? '' : `${stage} ${attempt}: `}${from} → ${to}`);

describe('an experiment on a cluster', () => {
  it('gets exactly one Job per stage and ends Complete', async () => {
    await world().post('plain');
    const { status } = await world().until('plain', (experiment) => hasCondition(experiment, 'Complete'));
    expect(await jobNames('plain')).toEqual(['plain-ensemble-1', 'plain-fold-0-1', 'plain-fold-1-1', 'plain-fold-2-1', 'plain-prepare-1']);
    expect(status).toMatchObject({ state: 'Complete', progress: '100%', foldsFinished: '3/3' });
    expect(changesOf('plain')).toEqual(
      expect.arrayContaining([
        'Pending → Preparing',
        'prepare 1: Waiting → Starting',
        'Preparing → Training',
        'fold 2 1: Waiting → Starting',
        'Ensembling → Complete',
      ]),
    );
    expect(status?.folds.map(({ attempts, failures, disruptions }) => [attempts, failures, disruptions])).toEqual([
      [1, 0, 0],
      [1, 0, 0],
      [1, 0, 0],
    ]);
  });

  it('costs few API requests, and none once it has ended', async () => {
    const calls = () =>
      operator.connection
        .requests()
        .filter(({ verb }) => verb !== 'watch' && verb !== 'list')
        .reduce((sum, { count }) => sum + count, 0);
    const before = calls();
    await world().post('cheap', { dataset: { uri: '/data', split: { folds: 5 } } });
    await world().until('cheap', (experiment) => hasCondition(experiment, 'Complete'));
    expect(calls() - before).toBeLessThanOrEqual(40);
  });
});
