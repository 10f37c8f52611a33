/**
 * `node bench/workers/profile-main.ts [network] [size] [precision]` shows where the time of a training step goes, from TensorFlow's own
 * log.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { loadClasses } from '@carpal/configs/classes.ts';
import { environmentWith } from '../../setup/env.ts';
import type { TimedStepRequest } from '../cases/step.ts';
import { type Figure, millisecondsPerItem } from '../harness/figure.ts';
import { exactly } from '../harness/measure.ts';
import { table } from '../harness/outcome.ts';
import { opTimes } from './op-times.ts';

const STEPS = 5;
/** Types of operations below this share are summed up in one row. */
const LEAST_SHARE = 0.005;
const LOG_BYTES = 512 * 2 ** 20;

const [network = 'UNet', size = '256', precision = 'float32'] = process.argv.slice(2);
const request: TimedStepRequest = {
  network,
  size: Number(size),
  count: 1,
  classes: loadClasses('hand-bones').length,
  precision: precision as TimedStepRequest['precision'],
  warmup: 2,
  effort: exactly(STEPS),
};

function stepsWith(settings: Readonly<Record<string, string>>): { figure: Figure; log: string } {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(import.meta.dirname, 'step-main.ts'), JSON.stringify(request)], {
    encoding: 'utf8',
    maxBuffer: LOG_BYTES,
    env: environmentWith(settings),
  });
  if (status !== 0) throw new Error(`the steps ended with status ${status}: ${stderr.slice(-1000)}`);
  return { figure: JSON.parse(stdout) as Figure, log: stderr };
}

const plain = stepsWith({});
const logged = stepsWith({ TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'executor=2', TF_NUM_INTEROP_THREADS: '1' });
const times = opTimes(logged.log, STEPS);
const total = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
const row = (type: string, count: number, milliseconds: number): readonly string[] => [
  type,
  count.toFixed(0),
  milliseconds.toFixed(1),
  `${((100 * milliseconds) / total).toFixed(1)} %`,
];
const shown = times.filter(({ milliseconds }) => milliseconds >= total * LEAST_SHARE);
const rest = times.filter((time) => !shown.includes(time));
const sumOf = (key: 'count' | 'milliseconds'): number => rest.reduce((sum, time) => sum + time[key], 0);
const median = (figure: Figure): string => millisecondsPerItem(figure).median.toFixed(0);
const rows = [
  ...shown.map(({ type, count, milliseconds }) => row(type, count, milliseconds)),
  row(`${rest.length} others`, sumOf('count'), sumOf('milliseconds')),
];
process.stdout.write(`${network}, ${size} px, ${precision}: a step takes ${median(plain.figure)} ms (median of ${STEPS});
with the log and one operation at a time ${median(logged.figure)} ms, of which ${total.toFixed(0)} ms are in operations.

${table(['operation', 'count per step', 'ms per step', 'share'], rows)}
`);
