import { readFileSync } from 'node:fs';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { type LiveExperiment, type PruneOptions, type PrunePlan, planPrune, removePart } from '@carpal/artifacts/prune.ts';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/json.ts';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { isTerminal } from '@carpal/configs/schema/status.ts';
import { connect } from '@carpal/kubernetes/api/connect.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { listAll } from '@carpal/kubernetes/runtime/list-all.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { Command } from 'commander';
import { operatorEnvironment } from './env.ts';
import { collect, duration } from './option-values.ts';

type Options = {
  readonly artifacts?: string;
  readonly olderThan: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly keepFile?: readonly string[];
  readonly cluster: boolean;
  readonly yes?: true;
  readonly evenIfNoneIsLeft?: true;
  readonly json?: true;
};

/** `carpal artifacts prune`: removes what no experiment refers to. */
export const command = (): Command =>
  new Command()
    .description(
      'Removes from an artifact store what nothing refers to: artifacts of experiments that no longer exist in the cluster, and prepared ' +
        'data sets that no experiment uses. Without --yes it only lists them. A store that several clusters or carpal run share needs ' +
        '--keep-file for the experiments that this cluster does not have.',
    )
    .option('--artifacts <uri>', 'the store: s3://bucket/prefix or a folder (default: $CARPAL_ARTIFACTS)')
    .option('--older-than <duration>', 'keep what has an object that is younger', '14d')
    .option('--kubeconfig <file>', "a kubeconfig (default: kubectl's, or the pod's own service account)")
    .option('--context <name>', 'the context of the kubeconfig')
    .option('--namespace <name>', 'only the artifacts of this namespace')
    .option(
      '--keep-file <file>',
      'also keep these experiments: lines NAMESPACE/NAME or NAMESPACE/NAME/UID, or the output of kubectl get segx -A -o json; may be given several times',
      collect,
    )
    .option('--no-cluster', 'do not ask a cluster; only the experiments of --keep-file exist')
    .option('--yes', 'remove what is listed')
    .option('--even-if-none-is-left', 'remove also if no experiment in the store exists any more')
    .option('--json', 'print JSON')
    .action(prune);

async function prune(options: Options): Promise<void> {
  const uri = options.artifacts ?? operatorEnvironment().artifacts;
  if (uri === undefined)
    throw new CarpalError('usage-invalid', 'the artifact store is missing', {
      fix: 'Give --artifacts s3://bucket/prefix or set CARPAL_ARTIFACTS.',
    });
  if (!options.cluster && options.keepFile === undefined)
    throw new CarpalError('usage-invalid', '--no-cluster needs --keep-file', { fix: 'Give a file that lists the experiments to keep.' });
  const store = openStore(uri);
  // An experiment that begins from now on has no artifacts that are old enough.
  const nowMs = Date.now();
  const live = [...(options.keepFile ?? []).flatMap(keptExperiments), ...(options.cluster ? await clusterExperiments(options) : [])];
  const pruning: PruneOptions = { live, namespace: options.namespace, minimumAgeMs: duration('--older-than')(options.olderThan), nowMs };
  const plan = await planPrune(store, pruning);
  if (options.yes === true) refuseWrongCluster(plan, store.uri, options);
  const removed = new Set<string>();
  if (options.yes === true) for (const removal of plan.removals) if (await removePart(store, removal, pruning)) removed.add(removal.key);
  const text = options.json
    ? `${JSON.stringify({ store: store.uri, ...plan, removed: [...removed] }, null, 2)}\n`
    : planLines(plan, options, removed);
  process.stdout.write(text);
}

/** Most often the wrong cluster or the wrong store was given if they have no experiment in common. */
function refuseWrongCluster({ removals, liveExperiments }: PrunePlan, uri: string, { evenIfNoneIsLeft }: Options): void {
  if (removals.length === 0 || liveExperiments > 0 || evenIfNoneIsLeft === true) return;
  throw new CarpalError('usage-invalid', 'none of the experiments in the store exists, so nothing was removed', {
    where: uri,
    fix: 'Check the store and the cluster (--kubeconfig, --context). If both are right, add --even-if-none-is-left.',
  });
}

/** The experiments of the cluster. Throws `cluster-unreadable` if they cannot be listed completely. */
async function clusterExperiments({ kubeconfig, context, namespace }: Options): Promise<readonly LiveExperiment[]> {
  const connection = await connect({
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  const found: ExperimentObject[] = [];
  try {
    await listAll<ExperimentObject>({
      client: connection,
      path: resourcePath(EXPERIMENTS, namespace === undefined ? {} : { namespace }),
      pageSize: 500,
      signal: new AbortController().signal,
      onStart: () => void found.splice(0),
      onItem: (item) => void found.push(item),
    });
  } catch (cause) {
    throw new CarpalError('cluster-unreadable', `the experiments cannot be listed, so nothing was removed: ${messageOf(cause)}`, {
      where: connection.server,
      cause,
    });
  } finally {
    connection.close();
  }
  return found.map(liveExperiment);
}

const liveExperiment = ({ metadata: { namespace = 'default', name, uid }, status }: ExperimentObject): LiveExperiment => ({
  namespace,
  name,
  uid,
  isActive: !isTerminal(status?.conditions === undefined ? undefined : status),
});

/** The experiments that a file lists. Throws `usage-invalid` if it cannot be read as a whole: a mistake in it must not remove anything. */
function keptExperiments(file: string): readonly LiveExperiment[] {
  const invalid = (message: string): CarpalError =>
    new CarpalError('usage-invalid', message, {
      where: file,
      fix: 'Write one NAMESPACE/NAME or NAMESPACE/NAME/UID per line, or give the output of kubectl get segx -A -o json.',
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw invalid(`the file cannot be read: ${messageOf(cause)}`);
  }
  if (text.trimStart().startsWith('{')) {
    const { items } = (parseJson(text) ?? {}) as { readonly items?: readonly ExperimentObject[] };
    if (!Array.isArray(items) || items.some(({ metadata }) => typeof metadata?.name !== 'string'))
      throw invalid('the file is no list of experiments');
    return items.map(liveExperiment);
  }
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, namespace, name, uid] = /^([^/\s]+)\/([^/\s]+)(?:\/([^/\s]+))?$/.exec(line) ?? [];
      if (namespace === undefined || name === undefined) throw invalid(`"${line}" names no experiment`);
      return { namespace, name, uid, isActive: false };
    });
}

function planLines({ removals, liveExperiments, young }: PrunePlan, options: Options, removed: ReadonlySet<string>): string {
  const lines = removals.map(({ key, objects, bytes, newestMs, why }) => {
    const isKept = options.yes === true && !removed.has(key);
    const note = isKept ? 'kept, because it has changed meanwhile' : why;
    return `${key}: ${counted(objects, 'object')}, ${sizeText(bytes)}, newest ${new Date(newestMs).toISOString().slice(0, 10)}: ${note}\n`;
  });
  const gone = options.yes === true ? removals.filter(({ key }) => removed.has(key)) : removals;
  const bytes = gone.reduce((sum, one) => sum + one.bytes, 0);
  const total =
    gone.length === 0
      ? 'nothing to remove'
      : `${sizeText(bytes)} under ${counted(gone.length, 'key')} ${options.yes === true ? 'removed' : 'can be removed: add --yes'}`;
  return `${lines.join('')}${total}; ${counted(liveExperiments, 'experiment')} in use, ${young} without use for less than ${options.olderThan}\n`;
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Binary units with one decimal: `3.4 GiB`. */
function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
