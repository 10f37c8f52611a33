/** One training of the study, in its own process: prepares, trains its folds with the real stages, and reads their networks. */
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';
import { runFold } from '@carpal/trainer/stages/fold.ts';
import { runPrepare } from '@carpal/trainer/stages/prepare.ts';
import { readNetworks } from '../quality/read-networks.ts';
import { foldFigure, type ReportedFigure, type TrainingWork } from '../quality/training.ts';

const work = JSON.parse(process.argv[2] ?? '{}') as TrainingWork;
const { experiment, folds, readings, dataset } = work;
const store = openStore(work.store);
const stop = new AbortController();
// The study has ended: what is trained so far stays in a checkpoint.
process.once('disconnect', () => stop.abort());

const report = (figure: ReportedFigure): Promise<void> =>
  new Promise((resolve, reject) => {
    if (!process.send) reject(new Error('only a study can start this program'));
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
  await report({ type: 'fold', fold, figure: foldFigure(metrics, parameterCount, peakMb) });
}
for (const reading of readings) {
  const figure = await readNetworks({ experiment, store, dataset, prepared, reading, signal: stop.signal });
  await report({ type: 'reading', key: reading.key, figure });
}
process.disconnect();
