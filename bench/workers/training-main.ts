/** One training of the study in a process of its own: prepares, trains its folds with the real stages, and reads their networks. */
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';
import { runFold } from '@carpal/trainer/stages/fold.ts';
import { runPrepare } from '@carpal/trainer/stages/prepare.ts';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { readNetworks } from '../quality/read-networks.ts';
import { foldFigure, type ToldFigure, type TrainingWork } from '../quality/training-work.ts';

const work = JSON.parse(process.argv[2] ?? '{}') as TrainingWork;
const { experiment, folds, readings, dataset } = work;
const store = openStore(work.store);
const stop = new AbortController();
// The study has ended: what is trained so far stays in a checkpoint.
process.once('disconnect', () => stop.abort());

const tell = (figure: ToldFigure): Promise<void> =>
  new Promise((resolve, reject) => {
    if (!process.send) reject(new Error('this program is started by the study only'));
    else process.send(figure, (error: Error | null) => (error ? reject(error) : resolve()));
  });

const prepared = await runPrepare({ experiment, store, clock: Date.now, signal: stop.signal });
const log = (line: string): void => void process.stderr.write(`    ${line}\n`);
for (const fold of folds) {
  await runFold({ experiment, fold, store, clock: Date.now, signal: stop.signal, log });
  const peakMb = process.resourceUsage().maxRSS / 1000;
  const { name, options } = experiment.spec.model;
  const model = buildModel({ name, options, classes: prepared.classes.length, seed: 0 });
  const { parameterCount } = model;
  model.dispose();
  const metrics = await readMetrics(store, `${foldKey(experiment, fold)}/${FILE.metrics}`);
  await tell({ type: 'fold', fold, figure: foldFigure(metrics, parameterCount, peakMb) });
}
for (const reading of readings) {
  const figure = await readNetworks({ experiment, store, dataset, prepared, reading, signal: stop.signal });
  await tell({ type: 'reading', key: reading.key, figure });
}
process.disconnect();
