/**
 * `make cluster`: a cluster on this machine for trying carpal with kubectl, without containers. Its one node runs stages as processes of this
 * machine, in the folder that this was started in, and says that it has GPUs. Ends with Ctrl-C and forgets everything but the artifacts.
 */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CarpalError, formatError } from '@carpal/configs/errors.ts';
import { connect } from '@carpal/kubernetes/api/connect.ts';
import { type Child, startChild } from './child-process.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { FILES } from './control-plane-flags.ts';
import { hostProcess } from './host-process.ts';
import { startProcessKubelet } from './process-kubelet.ts';
import { applyCrd } from './test-objects.ts';

const CARPAL = fileURLToPath(new URL('../../carpal', import.meta.url));
const HOME = resolve('.carpal/cluster');
const NODE = 'this-machine';

const { values } = parseArgs({
  options: {
    /** How many GPUs the node claims: so many folds run at once. */
    gpus: { type: 'string', default: '1' },
    /** Leaves the operator to you: `carpal operator --kubeconfig …`. */
    'no-operator': { type: 'boolean', default: false },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The operator as a process of its own, as in a cluster. Everybody may use the namespace's default service account. */
function startOperator(kubeconfig: string): Promise<Child> {
  const artifacts = join(HOME, 'artifacts');
  const flags = ['--kubeconfig', kubeconfig, '--artifacts', artifacts, '--image', 'this-checkout', '--service-account', 'default'];
  return startChild({
    program: CARPAL,
    args: ['operator', ...flags, '--no-leader-election', '--port', '0'],
    logFile: join(HOME, 'operator.log'),
  });
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
    const certificate = (name: string): Promise<string> => readFile(join(controlPlane.folder, FILES.certificates, name), 'utf8');
    const kubelet = await startProcessKubelet({
      client,
      nodes: [{ name: NODE, capacity: { 'nvidia.com/gpu': values.gpus } }],
      run: hostProcess({ client, workingFolder: process.cwd() }),
      tls: { key: await certificate('apiserver.key'), cert: await certificate('apiserver.crt') },
    });
    ends.push(kubelet.stop);
    const operator = values['no-operator'] ? undefined : await startOperator(kubeconfig);
    if (operator !== undefined) ends.push(() => endGently(operator));
    say(WELCOME(kubeconfig));
    await Promise.race([interrupted, ...(operator === undefined ? [] : [outlive(operator)])]);
    say('ending');
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function endGently(operator: Child): Promise<void> {
  operator.kill('SIGTERM');
  const timer = setTimeout(() => operator.kill('SIGKILL'), 10_000);
  await operator.ended;
  clearTimeout(timer);
}

/** Throws when the operator ends by itself. */
async function outlive(operator: Child): Promise<never> {
  await operator.ended;
  throw new CarpalError('resource-missing', `the operator has ended:\n${await operator.tail(8)}`, { where: join(HOME, 'operator.log') });
}

const WELCOME = (kubeconfig: string): string => `
A cluster runs on this machine: one node with ${values.gpus} GPU(s) to pretend with. In another terminal:

  export KUBECONFIG=${kubeconfig}
  ./carpal data synth --out data/phantoms --people 12 --test-people 4 --seed 7
  kubectl apply -f configs/experiments/quickstart.yaml
  kubectl get segx --watch

Artifacts and the operator's log are in ${HOME}. Ctrl-C ends the cluster.`;

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
