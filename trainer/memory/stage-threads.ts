/** The number of TensorFlow's threads in each stage. Imports nothing that loads TensorFlow, which reads the number when it loads. */
import { quantityValue } from '@carpal/configs/quantity.ts';
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import { pinThreads } from '../engine/env.ts';

/** A stage that runs networks. */
export type ComputingStage = 'fold' | 'ensemble';

/** One thread for each whole core that the stage's placement requests, and at least one. Never depends on the machine. */
export function stageThreads({ placement }: ExperimentSpec, stage: ComputingStage): number {
  const cpu = stage === 'ensemble' ? (placement.ensemble?.cpu ?? placement.cpu) : placement.cpu;
  return Math.max(1, Math.floor(quantityValue(cpu)));
}

/** Pins the threads of this process, unless the environment does. To be called before anything imports TensorFlow. */
export function pinStageThreads(spec: ExperimentSpec, stage: ComputingStage): void {
  pinThreads(stageThreads(spec, stage));
}
