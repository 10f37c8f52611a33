/**
 * `make cluster`: a cluster on this machine for trying carpal with kubectl, without containers. Its only node has simulated GPUs and runs
 * stages as processes in the current folder. It ends with Ctrl-C and deletes everything but the artifacts. Everything after `--` is passed
 * on to the operator.
 */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CarpalError, formatError } from '@carpal/configs/errors.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { connect } from '@carpal/kubernetes/api/connect.ts';
import { type Child, startChild } from './child-process.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { FILES } from './control-plane-flags.ts';
import { hostProcess } from './host-process.ts';
import { startKueue } from './kueue.ts';
import { MANAGES_ALL_JOBS } from './kueue-manifests.ts';
import { createPriority, createQueue } from './kueue-queues.ts';
import { startProcessKubelet } from './process-kubelet.ts';
import { applyCrd } from './test-objects.ts';

const CARPAL = fileURLToPath(new URL('../../carpal', import.meta.url));
const HOME = resolve('.carpal/cluster');
const NODE = 'this-machine';

const { values, positionals: operatorFlags } = parseArgs({
  allowPositionals: true,
  options: {
    /** The number of GPUs of the node, which limits how many folds run concurrently. */
    gpus: { type: 'string', default: '1' },
    /** Does not start the operator, so that you can run `carpal operator --kubeconfig …` yourself. */
    'no-operator': { type: 'boolean', default: false },
    /** Starts Kueue, with the queues `gpu` and `cpu` in the namespace `default`. */
    kueue: { type: 'boolean', default: false },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Starts the operator as a process of its own, as in a cluster. Experiments use the default service account of their namespace. */
function startOperator(kubeconfig: string): Promise<Child> {
  const artifacts = join(HOME, 'artifacts');
  const flags = ['--kubeconfig', kubeconfig, '--artifacts', artifacts, '--image', 'this-checkout', '--service-account', 'default'];
  return startChild({
    program: CARPAL,
    args: ['operator', ...flags, '--no-leader-election', '--port', '0', ...operatorFlags],
    logFile: join(HOME, 'operator.log'),
  });
}

/** Starts Kueue with a queue for GPUs, a queue without any, and two priorities. Returns what ends it. */
async function startQueues(client: KubernetesClient, controlPlane: ControlPlane): Promise<() => Promise<void>> {
  const kueue = await startKueue({ client, controlPlane });
  await createQueue(client, { name: 'gpu', namespace: 'default', gpus: Number(values.gpus) });
  await createQueue(client, { name: 'cpu', namespace: 'default', gpus: 0 });
  await createPriority(client, 'normal', 100);
  await createPriority(client, 'urgent', 1000);
  return kueue.stop;
}

async function run(interrupted: Promise<unknown>): Promise<void> {
  const ends: (() => Promise<unknown> | undefined)[] = [];
  try {
    await mkdir(join(HOME, 'artifacts'), { recursive: true });
    const controlPlane: ControlPlane = await startControlPlane();
    ends.push(controlPlane.stop);
    const kubeconfig = join(HOME, 'kubeconfig');
    await copyFile(controlPlane.kubeconfig, kubeconfig);
    const client = await connect({ kubeconfig });
    ends.push(async () => client.close());
    await applyCrd(client);
    if (values.kueue) ends.push(await startQueues(client, controlPlane));
    const certificate = (name: string): Promise<string> => readFile(join(controlPlane.folder, FILES.certificates, name), 'utf8');
    const kubelet = await startProcessKubelet({
      client,
      nodes: [{ name: NODE, capacity: { 'nvidia.com/gpu': values.gpus } }],
      run: hostProcess({ client, workingFolder: process.cwd() }),
      tls: { key: await certificate('apiserver.key'), cert: await certificate('apiserver.crt') },
    });
    ends.push(kubelet.stop);
    const operator = values['no-operator'] ? undefined : await startOperator(kubeconfig);
    if (operator !== undefined) ends.push(() => stopOperator(operator));
    say(WELCOME(kubeconfig));
    await Promise.race([interrupted, ...(operator === undefined ? [] : [failWhenEnded(operator)])]);
    say('Stopping the cluster …');
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function stopOperator(operator: Child): Promise<void> {
  operator.kill('SIGTERM');
  const timer = setTimeout(() => operator.kill('SIGKILL'), 10_000);
  await operator.ended;
  clearTimeout(timer);
}

/** Throws when the operator ends. */
async function failWhenEnded(operator: Child): Promise<never> {
  await operator.ended;
  throw new CarpalError('resource-missing', `the operator has ended:\n${await operator.tail(8)}`, { where: join(HOME, 'operator.log') });
}

const QUEUES = `
Kueue runs too. It has the queues gpu (${values.gpus} GPU(s)) and cpu, for placement.queueName, and the priorities normal and urgent, for
placement.workloadPriorityClass. kubectl get workloads shows what waits. To let it hold Jobs without a queue as well, run:

  kubectl label namespace default ${Object.entries(MANAGES_ALL_JOBS)
    .map(([name, value]) => `${name}=${value}`)
    .join()}
`;

const WELCOME = (kubeconfig: string): string => `
A Kubernetes cluster with one node and ${values.gpus} simulated GPU(s) runs on this machine. In another terminal, run:

  export KUBECONFIG=${kubeconfig}
  ./carpal data synth --out data/phantoms --people 12 --test-people 4 --seed 7
  kubectl apply -f configs/experiments/quickstart.yaml
  kubectl get segx --watch

Stages run as processes of this machine. Artifacts and the operator's log are in ${HOME}.${values.kueue ? QUEUES : ''}
Press Ctrl-C to stop the cluster. Only the artifacts are kept.`;

const interrupted = new Promise((onInterrupt) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, onInterrupt);
});
try {
  await run(interrupted);
} catch (error) {
  if (!(error instanceof CarpalError)) throw error;
  process.stderr.write(`${formatError(error)}\n`);
  process.exit(error.exit);
}
