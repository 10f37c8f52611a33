/** An operator in a process of its own, for tests that freeze it: `carpal operator` with the shorter times of a test. */
import { openStore } from '@carpal/artifacts/open-store.ts';
import { connect } from '@carpal/kubernetes/api/connect.ts';
import { createLogger } from '@carpal/kubernetes/runtime/logger.ts';
import { createMetrics } from '@carpal/operator/controller/metrics.ts';
import { type LeasePlace, runOperator } from '@carpal/operator/controller/run-operator.ts';
import { stageSettings } from '@carpal/operator/jobs/stage-settings.ts';

export type OperatorProcessOptions = {
  readonly kubeconfig: string;
  readonly artifacts: string;
  readonly image: string;
  readonly identity: string;
  readonly watchNamespace: string;
  readonly lease: LeasePlace;
};

const { kubeconfig, artifacts, image, identity, watchNamespace, lease } = JSON.parse(process.argv[2] ?? '') as OperatorProcessOptions;
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const connection = await connect({ kubeconfig });
await runOperator({
  connection,
  settings: {
    stages: stageSettings({ image, artifactsUri: artifacts, defaultServiceAccountName: 'default' }),
    workers: 4,
    provenance: { carpal: '0', node: process.version },
    watchNamespace,
    spacingMs: 20,
  },
  store: openStore(artifacts),
  identity,
  lease,
  metrics: createMetrics(),
  log: createLogger({ level: 'debug' }),
  now: () => new Date(),
  random: () => 0.5,
  signal: stop.signal,
});
connection.close();
