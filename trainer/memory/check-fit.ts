import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { hasGpu } from '../engine/graph/native-binding.ts';
import type { TrainingEngine } from '../engine/open-engine.ts';
import type { Model } from '../models/model.ts';
import { estimateMemoryMb, judgeEstimate } from './memory-estimate.ts';
import type { MemoryLimit } from './memory-limit.ts';
import { heldMemoryMb } from './process-memory.ts';
import { fittingSizes, gigabytes, memoryTooSmall } from './too-large.ts';
import type { TrialOutcome, TrialRequest } from './trial.ts';

export type FitCheck = {
  readonly spec: ExperimentSpec;
  readonly model: Model;
  /** Before its first step. */
  readonly engine: TrainingEngine;
  readonly limit: MemoryLimit;
  /** What this process holds, in MB, while a step is tried in another: both have to do with the limit then. Measured if it is left out. */
  readonly heldMb?: number;
  readonly trial: (request: TrialRequest, limitMb: number) => Promise<TrialOutcome>;
  readonly log: (line: string) => void;
};

/**
 * Throws `memory-too-small` where a fold's first step would take more memory than the process may use. A network's recorded step tells well
 * enough what it needs; only where that comes near the limit is a step tried, in a process of its own. Does not check a GPU, which has
 * memory of its own.
 */
export async function checkFit({ spec, model, engine, limit, heldMb = heldMemoryMb(), trial, log }: FitCheck): Promise<void> {
  if (hasGpu()) return;
  const { size } = spec.input;
  const { batchSize } = spec.training;
  const { classes, sizeMultiple } = model;
  const limitMb = limit.bytes / 2 ** 20;
  const estimate = (count: number, side: number): number => estimateMemoryMb(engine.foretellMemory(count, side), count, side, classes);
  const estimateMb = estimate(batchSize, size);
  const refuse = (neededMb: number): never => {
    // What was measured of this size says by how much the estimate is off at the others.
    const memoryMb = (count: number, side: number): number => (estimate(count, side) * neededMb) / estimateMb;
    const fitting = fittingSizes({ size, batchSize, sizeMultiple }, limitMb, memoryMb);
    const needed = neededMb > limitMb ? { neededMb } : {};
    throw memoryTooSmall({ network: model.name, size, batchSize, ...needed, limitMb, from: `of ${limit.from}`, fitting });
  };
  const judged = judgeEstimate(estimateMb, limitMb);
  if (judged === 'begin') return;
  if (judged === 'refuse') return refuse(estimateMb);
  log(`a step may need ${gigabytes(estimateMb)} of ${gigabytes(limitMb)}; it is tried in a process of its own first`);
  // A control group that is given too much may be ended whole, and the reason with it.
  const outcome = await trial({ spec, classes: model.classes, steps: 1 }, limitMb - heldMb);
  if (outcome.kind === 'too-large') return refuse(Math.max(estimateMb, outcome.peakMemoryMb ?? 0, limitMb));
  // A trial that broke otherwise, or was broken off, tells nothing of memory; the fold itself then says what is wrong, or stops.
}
