import { join } from 'node:path';
import { synthesizeDataset } from '@carpal/trainer/phantom/synthesize.ts';
import { type CachedFigure, contentKey, type FigureCache, phantomsKey } from '../figure-cache.ts';
import { type CollapsePlan, collapseRuns } from './plan.ts';
import { type CollapseData, type CollapseFigure, collapseExperiment, readCollapseData, trainCollapseRun } from './train.ts';

/** The figures that are measured so far, by the id of the run. */
export type CollapseFigures = Readonly<Record<string, CachedFigure<CollapseFigure>>>;

export type CollapsePlace = {
  /** The folder of the data sets. */
  readonly folder: string;
  readonly cache: FigureCache;
  readonly onProgress: (text: string) => void;
};

/** Trains what the cache does not hold, and calls `report` with all figures after each training. An interrupted run continues. */
export async function runCollapse(
  plan: CollapsePlan,
  { folder, cache, onProgress }: CollapsePlace,
  report: (figures: CollapseFigures) => void | Promise<void> = () => undefined,
): Promise<CollapseFigures> {
  const dataset = join(folder, phantomsKey(plan.phantoms));
  await synthesizeDataset({ folder: dataset, ...plan.phantoms });
  let data: CollapseData | undefined;
  let figures: CollapseFigures = {};
  for (const run of collapseRuns(plan)) {
    const { recipe, network, head, seed } = run;
    const { seeds: _, recipes: __, networks: ___, heads: ____, ...budget } = plan;
    const key = `collapse-${contentKey({ budget, loss: recipe.loss, network, weights: head.weights ?? null, seed })}`;
    const figure = await cache.once(key, async () => {
      onProgress(run.id);
      const experiment = collapseExperiment(plan, run, dataset);
      data ??= await readCollapseData(experiment, join(folder, `collapse-${contentKey(budget)}`));
      return trainCollapseRun(plan, run, experiment, data);
    });
    figures = { ...figures, [run.id]: figure };
    await report(figures);
  }
  return figures;
}
