/** Experiments that run behind a proxy. Each has its own operator, its own namespace, and a gate at which its folds wait. */

import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import type { OperatorSettings } from '@carpal/operator/controller/operator-settings.ts';
import { afterAll, beforeAll, expect } from 'vitest';
import { freshNamespace } from '../cluster/test-objects.ts';
import { type FaultyApiProxy, startFaultyApiProxy } from '../kubernetes/faulty-api-proxy.ts';
import { type OperatorWorld, type RunningOperator, useOperatorWorld } from '../operator/operator-world.ts';
import { expectMonotonic, expectUnaffected, hasEnded } from './expect-unaffected.ts';
import { type Follower, followExperiments } from './follow-experiments.ts';

export type ProxiedRun = {
  readonly name: string;
  readonly namespace: string;
  readonly proxy: FaultyApiProxy;
  readonly operator: RunningOperator;
  /** Resolves when both folds train. They train until the gate opens. */
  untilTraining(): Promise<unknown>;
  /** For one fold, or for both. */
  openGate(fold?: number): void;
};

type ProxiedRunOptions = {
  readonly settings?: Partial<OperatorSettings>;
  readonly watchSeconds?: number;
  /** The limit of requests through the proxy. Default: 100. */
  readonly maxCalls?: number;
  /** Called before the operator starts. */
  readonly before?: (proxy: FaultyApiProxy) => void;
  /** Checks the end. Default: the faults must have had no effect. */
  readonly expected?: (end: ExperimentObject) => void;
};

export type ProxiedRuns = {
  readonly world: OperatorWorld;
  readonly follower: Follower;
  /** Runs an experiment with faults. Afterwards everything must be as without faults, with few requests. */
  run(name: string, options: ProxiedRunOptions, during: (run: ProxiedRun) => Promise<void>): Promise<void>;
};

const FOLDS = [0, 1];
const SMALL = { dataset: { uri: '/data', split: { folds: FOLDS.length } }, placement: { gpus: 1, cpu: '1', memory: '1Gi' } };

/** For the top of a test file. Runs can be concurrent. */
export function useProxiedRuns(): () => ProxiedRuns {
  const world = useOperatorWorld({ controlPlane: { audit: true }, gpus: 100 });
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const openGate = (name: string, folds: readonly number[]): void => {
    for (const fold of folds) gates.get(`${name} ${fold}`)?.resolve();
  };
  let follower: Follower;
  beforeAll(async () => {
    follower = await followExperiments(world().client);
    world().script = ({ experiment, fold }) => {
      const gate = gates.get(`${experiment} ${fold}`);
      return gate === undefined ? {} : { until: gate.promise };
    };
  });
  afterAll(() => follower.stop());

  const run: ProxiedRuns['run'] = async (name, { settings, watchSeconds, maxCalls = 100, before, expected }, during) => {
    const { client, kubeconfig } = world();
    const namespace = await freshNamespace(client);
    const proxy = await startFaultyApiProxy({ kubeconfig, ...(watchSeconds === undefined ? {} : { watchSeconds }) });
    before?.(proxy);
    for (const fold of FOLDS) gates.set(`${name} ${fold}`, Promise.withResolvers());
    const operator = await world().startOperator({ server: proxy.server, settings: { watchNamespace: namespace, ...settings } });
    const isTraining = follower.until(name, ({ status }) => status?.folds?.every(({ state }) => state === 'Running') === true);
    try {
      await world().post(name, SMALL, namespace);
      const open = (fold?: number): void => openGate(name, fold === undefined ? FOLDS : [fold]);
      await during({ name, namespace, proxy, operator, untilTraining: () => isTraining, openGate: open });
      open();
      if (expected === undefined) {
        await expectUnaffected(world(), [name], () => namespace);
        expectMonotonic(follower.versionsOf(name));
      } else expected(await follower.until(name, hasEnded));
      expect(proxy.calls.length, summary(proxy)).toBeLessThanOrEqual(maxCalls);
    } finally {
      openGate(name, FOLDS);
      proxy.set();
      await operator.stop();
      await proxy.close();
    }
  };
  return () => ({ world: world(), follower, run });
}

function summary({ calls }: FaultyApiProxy): string {
  const counts = Map.groupBy(calls, ({ verb, resource }) => `${verb} ${resource}`);
  return [...counts].map(([kind, list]) => `${kind}: ${list.length}`).join(', ');
}
