/** The run as plain lines without times, one per epoch and per event: for logs, pipes and CI. */

import { readMetrics } from '@carpal/artifacts/metrics.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { EpochMetrics, StageProgress } from '@carpal/configs/schema/progress.ts';
import { foldsOf } from '../experiment/stages.ts';
import type { RunView } from './run-experiment.ts';
import { eventLines, figure, rate } from './view-text.ts';

/** An epoch in one line. */
export function epochLine(fold: number, epochs: number, metrics: EpochMetrics): string {
  const validation = metrics.dice === null ? '' : `  validation loss ${figure(metrics.validationLoss)}  Dice ${figure(metrics.dice)}`;
  return `fold ${fold}: epoch ${metrics.epoch}/${epochs}  loss ${figure(metrics.loss)}${validation}  ${rate(metrics.imagesPerSecond)} images/s`;
}

/** A view that writes lines. Epochs that were trained before this run started are not repeated. */
export function createPlainView(write: (text: string) => void, now: () => Date): RunView {
  let experiment: SegmentationExperiment | undefined;
  let store: ArtifactStore | undefined;
  const shown = new Map<number, number>();
  const quarters = new Map<string, number>();

  const newEpochs = async (): Promise<string[]> => {
    const lines: string[] = [];
    if (experiment === undefined || store === undefined) return lines;
    for (const fold of foldsOf(experiment)) {
      for (const metrics of await readMetrics(store, `${foldKey(experiment, fold)}/${FILE.metrics}`)) {
        if (metrics.epoch <= (shown.get(fold) ?? 0)) continue;
        shown.set(fold, metrics.epoch);
        lines.push(epochLine(fold, experiment.spec.training.epochs, metrics));
      }
    }
    return lines;
  };

  const work = (stage: 'prepare' | 'ensemble', running: boolean, report: StageProgress | undefined): string[] => {
    if (!running || !report?.total) return [];
    const quarter = Math.floor((4 * (report.done ?? 0)) / report.total);
    if (quarter <= (quarters.get(stage) ?? 0)) return [];
    quarters.set(stage, quarter);
    return [`${stage}: ${report.done} of ${report.total} images`];
  };

  const writeLines = (lines: readonly string[]): void => {
    if (lines.length > 0) write(`${lines.join('\n')}\n`);
  };

  return {
    async begin(begun, at) {
      experiment = begun;
      store = at;
      await newEpochs();
    },
    async show(step) {
      const { plan, observed } = step;
      const { prepare, ensemble } = plan.status;
      const progress = [
        ...work('prepare', prepare.state === 'Running', observed.progress.prepare),
        ...work('ensemble', ensemble.state === 'Running', observed.progress.ensemble),
      ];
      const epochs = await newEpochs();
      // The line of a fold's last epoch comes before the line that reports its end.
      writeLines([...progress, ...epochs, ...eventLines(step, now())]);
    },
    notice: (line) => writeLines([line]),
    stopping: () => writeLines(['stopping: waiting for checkpoints']),
  };
}
