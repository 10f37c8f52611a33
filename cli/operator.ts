import { randomInt, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { MAX_GRACE_SECONDS, MIN_GRACE_SECONDS } from '@carpal/configs/environment.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { withoutUndefined } from '@carpal/configs/json.ts';
import { connect } from '@carpal/kubernetes/api/connect.ts';
import { logLevel } from '@carpal/kubernetes/env.ts';
import { createLogger } from '@carpal/kubernetes/runtime/logger.ts';
import { dryRunLines, planCluster } from '@carpal/operator/controller/dry-run.ts';
import { createMetrics } from '@carpal/operator/controller/metrics.ts';
import { leaseName } from '@carpal/operator/controller/operator-name.ts';
import type { OperatorSettings } from '@carpal/operator/controller/operator-settings.ts';
import { runOperator } from '@carpal/operator/controller/run-operator.ts';
import { artifactsVolume, CPU_STAGE, stageSettings } from '@carpal/operator/jobs/stage-settings.ts';
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { operatorEnvironment } from './env.ts';
import { collectVariable, labelName, quantity, wholeNumber } from './option-values.ts';

type Options = {
  kubeconfig?: string;
  context?: string;
  image?: string;
  artifacts?: string;
  artifactsSecret?: string;
  artifactsClaim?: string;
  pullSecret?: string;
  serviceAccount?: string;
  stageEnv?: Record<string, string>;
  prepareCpu?: string;
  prepareMemory?: string;
  prepareQueue?: string;
  graceSeconds?: number;
  sharedMemory?: string;
  namespace?: string;
  watchNamespace?: string;
  workers: number;
  port: number;
  leaderElection: boolean;
  dryRun?: true;
  json?: true;
};

/** `carpal operator`: manages the SegmentationExperiments of a cluster. */
export const command = (): Command =>
  new Command()
    .description('Runs every SegmentationExperiment of a cluster as Jobs and reports its state in its status. Runs until SIGTERM.')
    .option('--kubeconfig <file>', "a kubeconfig (default: kubectl's, or the pod's own service account)")
    .option('--context <name>', 'the context of the kubeconfig')
    .option('--image <reference>', 'the image of the stages, by digest (default: $CARPAL_IMAGE)')
    .option('--artifacts <uri>', 's3://bucket/prefix, or the folder at which --artifacts-claim is mounted (default: $CARPAL_ARTIFACTS)')
    .option(
      '--artifacts-secret <name>',
      "a Secret in each experiment's namespace with the store's credentials; not needed with Pod Identity or IRSA",
    )
    .option(
      '--artifacts-claim <name>',
      "a ReadWriteMany claim in each experiment's namespace, mounted in its stages at the folder of --artifacts",
    )
    .option('--pull-secret <name>', "a Secret in each experiment's namespace for the image's registry")
    .option('--service-account <name>', 'service account of stages whose experiment names none (default: carpal-stage)')
    .option('--stage-env <name=value>', 'a variable of every stage, such as AWS_REGION; may be given several times', collectVariable)
    .option('--prepare-cpu <quantity>', 'cores of the prepare stage (default: 2)', quantity('--prepare-cpu'))
    .option('--prepare-memory <quantity>', 'memory of the prepare stage (default: 8Gi)', quantity('--prepare-memory'))
    .option('--prepare-queue <name>', 'the Kueue LocalQueue of the prepare stage (default: no queue)', labelName('--prepare-queue'))
    .option(
      '--grace-seconds <count>',
      'how long a stage may take to write its checkpoint after SIGTERM (default: 100; a Spot node gives 120)',
      wholeNumber('--grace-seconds', MIN_GRACE_SECONDS, MAX_GRACE_SECONDS),
    )
    .option('--shared-memory <quantity>', 'size of /dev/shm in a stage, part of its memory (default: 1Gi)', quantity('--shared-memory'))
    .option('--namespace <name>', "namespace of the Lease (default: the pod's namespace, or carpal-system)")
    .option(
      '--watch-namespace <name>',
      'manage one namespace only; not together with an operator of all namespaces, because both would manage it',
    )
    .option('--workers <count>', 'number of experiments processed concurrently', wholeNumber('--workers', 1, 99_999), 16)
    .option('--port <port>', 'port of /healthz, /readyz and /metrics; 0 chooses any free port', wholeNumber('--port', 0, 65_535), 8080)
    .option('--no-leader-election', 'lead immediately, without election; only for a single operator')
    .option('--dry-run', 'print what the operator would start, stop and remove now, without doing it')
    .option('--json', 'with --dry-run: print JSON')
    .action(operate);

/** The settings of the stages that options decide, without those that were not given. */
function givenStages({ prepareCpu: cpu, prepareMemory: memory, prepareQueue: queueName, graceSeconds, sharedMemory }: Options) {
  return withoutUndefined({
    cpuStage: { ...CPU_STAGE, ...withoutUndefined({ cpu, memory, queueName }) },
    graceSeconds,
    sharedMemory,
  });
}

function settingsOf(options: Options): OperatorSettings {
  const environment = operatorEnvironment();
  const image = options.image ?? environment.image;
  const artifactsUri = options.artifacts ?? environment.artifacts;
  const missing = (what: string, fix: string): CarpalError => new CarpalError('usage-invalid', `${what} is missing`, { fix });
  if (image === undefined) throw missing('the image of the stages', 'Give --image repository@sha256:… or set CARPAL_IMAGE.');
  if (artifactsUri === undefined) throw missing('the artifact store', 'Give --artifacts s3://bucket/prefix or set CARPAL_ARTIFACTS.');
  return {
    stages: stageSettings({
      image,
      artifactsUri,
      ...(options.artifactsSecret === undefined ? {} : { artifactsSecretName: options.artifactsSecret }),
      ...(options.artifactsClaim === undefined ? {} : { volumes: [artifactsVolume(options.artifactsClaim, artifactsUri)] }),
      ...(options.pullSecret === undefined ? {} : { imagePullSecrets: [options.pullSecret] }),
      ...(options.serviceAccount === undefined ? {} : { defaultServiceAccountName: options.serviceAccount }),
      ...(options.stageEnv === undefined ? {} : { env: options.stageEnv }),
      ...givenStages(options),
    }),
    workers: options.workers,
    provenance: { carpal: packageJson.version, node: process.version },
    ...(options.watchNamespace === undefined ? {} : { watchNamespace: options.watchNamespace }),
  };
}

async function operate(options: Options): Promise<void> {
  const settings = settingsOf(options);
  const log = createLogger({ level: logLevel() });
  const metrics = createMetrics();
  const { kubeconfig, context } = options;
  const connection = await connect({
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    userAgent: `carpal-operator/${packageJson.version}`,
    onRequest: metrics.apiRequest,
  });
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    // A step must not wait for an unavailable store, because the step is retried anyway.
    const store = openStore(settings.stages.artifactsUri, { retryForMs: 0, timeoutMs: 10_000 });
    if (options.dryRun) {
      const planned = await planCluster({ connection, settings, store, now: () => new Date(), signal: stop.signal });
      process.stdout.write(options.json ? `${JSON.stringify(planned, null, 2)}\n` : dryRunLines(planned));
      return;
    }
    const { podName } = operatorEnvironment();
    await runOperator({
      connection,
      settings,
      store,
      identity: `${podName ?? hostname()}_${randomUUID()}`,
      ...(options.leaderElection
        ? { lease: { namespace: options.namespace ?? connection.namespace ?? 'carpal-system', name: leaseName(options.watchNamespace) } }
        : {}),
      port: options.port,
      metrics,
      log,
      now: () => new Date(),
      // Used only for jitter.
      random: () => randomInt(2 ** 32) / 2 ** 32,
      signal: stop.signal,
    });
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    connection.close();
  }
}
