/** Checks before training that a fold's step, and later the logits of its images, fit into the process's memory. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { quantityValue } from '@carpal/configs/quantity.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { sizeMultiple, trainingScale } from '@carpal/configs/schema/options.ts';
import { hasGpu } from '../engine/graph/native-binding.ts';
import { viewingOf } from '../infer/views.ts';
import type { Model } from '../models/model.ts';
import type { TrainingEngine } from '../step/training-engine.ts';
import { compareWithLimit, estimateMemoryMb, fittingSizes, PROCESS_MB } from './estimate.ts';
import { logitsMemoryMb } from './logits-memory.ts';
import { gigabytes, memoryTooSmall, sizeFieldOf } from './memory-too-small.ts';
import { heldMemoryMb, type MemoryLimit } from './process-memory.ts';
import type { TrialOutcome, TrialRequest } from './trial.ts';

export type StepCheck = {
  readonly spec: ExperimentSpec;
  readonly model: Model;
  /** An engine that has not run a step yet. */
  readonly engine: TrainingEngine;
  readonly limit: MemoryLimit;
  /** Memory of this process in MB while the other process tries a step, because both share the limit. Measured by default. */
  readonly heldMb?: number;
  readonly trial: (request: TrialRequest, limitMb: number) => Promise<TrialOutcome>;
  readonly log: (line: string) => void;
};

/**
 * Throws `memory-too-small` if a fold's first step would need more memory than the process may use. An estimate from the recorded step
 * decides the clear cases. If it is close to the limit, one step is tried in a separate process. A GPU, which has its own memory, is not
 * checked.
 */
export async function checkStepFits({ spec, model, engine, limit, heldMb = heldMemoryMb(), trial, log }: StepCheck): Promise<void> {
  if (hasGpu()) return;
  const { size } = spec.input;
  const { batchSize } = spec.training;
  const { classes, sizeMultiple } = model;
  const limitMb = limit.bytes / 2 ** 20;
  const estimate = (count: number, side: number): number => estimateMemoryMb(engine.estimateMemory(count, side), count, side, classes);
  const estimateMb = estimate(batchSize, size);
  const refuse = (neededMb: number): never => {
    // The need measured at this size corrects the estimates for other sizes by the same factor.
    const memoryMb = (count: number, side: number): number => (estimate(count, side) * neededMb) / estimateMb;
    const fitting = fittingSizes({ size, batchSize, sizeMultiple }, limitMb, memoryMb);
    const needed = neededMb > limitMb ? { neededMb } : {};
    throw memoryTooSmall({
      network: model.name,
      size,
      sizeField: sizeFieldOf(spec.input),
      batchSize,
      ...needed,
      limitMb,
      from: limit.from,
      fitting,
    });
  };
  const comparison = compareWithLimit(estimateMb, limitMb);
  if (comparison === 'fits') return;
  if (comparison === 'exceeds') return refuse(estimateMb);
  log(`a training step may need ${gigabytes(estimateMb)} of ${gigabytes(limitMb)} memory; trying one step in a separate process first`);
  // Both processes together must stay within the limit: exceeding it can end the whole control group, and the reason would be lost.
  const outcome = await trial({ spec, classes: model.classes, steps: 1 }, limitMb - heldMb);
  if (outcome.kind === 'too-large') return refuse(Math.max(estimateMb, outcome.peakMemoryMb ?? 0, limitMb));
  // If a trial failed for another reason, or was stopped, it says nothing about memory. The fold itself then reports the error, or stops.
}

/** How many logit maps of whole images a validation with windows holds: one is averaged, the masks of another are compared. */
const VALIDATION_MAPS = 2;

/**
 * Throws `memory-too-small` if a validation of a network that is trained on crops needs more memory than a fold may use: in a training step
 * it sees one crop, but then the logits of whole images are held.
 */
export function checkValidationFits({ input, training }: ExperimentSpec, classes: number, limit: MemoryLimit): void {
  const { crop } = input;
  if (crop === undefined) return;
  const mapBytes = 4 * crop.imageSize ** 2 * classes;
  const batchBytes = training.batchSize * crop.size ** 2 * (4 + 4 * classes);
  const neededMb = PROCESS_MB + (VALIDATION_MAPS * mapBytes + batchBytes) / 2 ** 20;
  const limitMb = limit.bytes / 2 ** 20;
  if (neededMb <= limitMb) return;
  const what = `validating images of ${crop.imageSize} px needs ${gigabytes(neededMb)} of memory, including the process itself`;
  throw new CarpalError('memory-too-small', `${what}; the limit is ${gigabytes(limitMb)} (${limit.from})`, {
    where: 'spec.placement.memory, spec.input.crop.imageSize',
    fix: 'Use a smaller imageSize; or provide more memory: on a cluster raise placement.memory.',
  });
}

/**
 * Throws `memory-too-small` if the logits of one image need more memory than a fold may use. Called before training, although views and
 * windows are used only after it: the error must not come after hours of training.
 */
export function checkViewsFit(spec: ExperimentSpec, classes: number, limit: MemoryLimit): void {
  checkLogitsFit(spec, classes, { networks: 1, limit, field: 'spec.placement.memory' });
}

/**
 * Throws `memory-too-small` if the logits of all networks that vote on one image need more memory than the ensemble stage may use. Called
 * before the first fold trains, because the error must not come after the last one.
 */
export function checkEnsembleFits(spec: ExperimentSpec, classes: number, limit: MemoryLimit): void {
  const networks = spec.ensemble.method === 'soft' ? Math.max(1, spec.run.folds.length) : 1;
  checkLogitsFit(spec, classes, { networks, limit, field: 'spec.placement.ensemble.memory' });
}

/** The memory limit of the ensemble stage on a cluster. */
export function placedEnsembleLimit({ placement }: ExperimentSpec): MemoryLimit {
  const own = placement.ensemble?.memory;
  return { bytes: quantityValue(own ?? placement.memory), from: own === undefined ? 'placement.memory' : 'placement.ensemble.memory' };
}

type Voting = { readonly networks: number; readonly limit: MemoryLimit; readonly field: string };

function checkLogitsFit(spec: ExperimentSpec, classes: number, { networks, limit, field }: Voting): void {
  const sight = { inputSize: spec.input.size, imageSize: trainingScale(spec.input), sizeMultiple: sizeMultiple(spec.model) };
  const neededMb =
    PROCESS_MB +
    logitsMemoryMb(
      Array.from({ length: networks }, () => sight),
      viewingOf(spec),
      classes,
    );
  const limitMb = limit.bytes / 2 ** 20;
  if (neededMb <= limitMb) return;
  const needs = `the logits of one image need ${gigabytes(neededMb)} of memory, including the process itself`;
  throw new CarpalError('memory-too-small', `${needs}; the limit is ${gigabytes(limitMb)} (${limit.from})`, {
    where: `${field}, spec.inference.tta, spec.input.${spec.input.crop ? 'crop.imageSize' : 'size'}`,
    fix: `Use a smaller image size or remove scaleUp from the views; or provide more memory: on a cluster raise ${field.replace('spec.', '')}.`,
  });
}
