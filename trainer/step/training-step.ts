import { DATA_TYPE } from '../engine/graph/graph-definition.ts';
import type { GraphSession } from '../engine/graph/graph-session.ts';
import { describedTensor } from '../engine/graph/native-binding.ts';
import { JoinedPrograms, selection, type WriteUpdates } from '../engine/graph/programs.ts';
import { type StepMemory, stepMemory } from '../engine/graph/step-memory.ts';
import { tf, type Variable } from '../engine/tensorflow.ts';
import { readVariables, writeVariables } from '../engine/variables.ts';
import { type BatchShape, coverageFeed, imagesFeed } from './batch.ts';
import { GradientAccumulation } from './gradient-accumulation.ts';
import { createLossScaler } from './loss-scaler.ts';
import { checkRecordable, hasFactors, PROGRAM, type ProgramName, programsOf, recordProgram } from './recorded-step.ts';
import type { TrainingStep } from './step.ts';
import { StepSeed } from './step-seed.ts';
import { createTrainingFunction, type TrainingFunction, type TrainingSettings } from './training-function.ts';

/** A step that can estimate its memory. */
export type RecordedTrainingStep = TrainingStep & {
  /** The memory of a step with `count` images of `size`×`size` pixels. */
  estimateMemory(count: number, size: number): StepMemory;
};

/** The updates of a step that are not recorded: the optimizer's if it is fused, then the average's. */
function updatesOf({ optimizer, average }: TrainingFunction): WriteUpdates {
  return (nodes, recorded) => {
    const moved = optimizer.kind === 'fused' ? optimizer.write(nodes) : [];
    return [...moved, ...(average?.write(nodes, [...recorded, ...moved]) ?? [])];
  };
}

const scalarFeed = (value: number) => ({ dataType: DATA_TYPE.float32, shape: [], values: Float32Array.of(value) });

/** The name of a step's program for batches of one shape; the names of feeds and results begin with it. */
const programName = (program: ProgramName, { count, size }: BatchShape): string => `${program}-${count}x${size}`;

/**
 * A training step that is recorded once per shape of batch and runs as one TensorFlow graph. The same state and the same batches produce
 * the same bits on one machine. Throws `not-recordable` if the step cannot become a graph.
 */
export function createTrainingStep(settings: TrainingSettings): RecordedTrainingStep {
  const { model, accumulate = 1, precision = 'float32' } = settings;
  const scaler = precision === 'float16' ? createLossScaler(settings.lossScale) : undefined;
  const training = createTrainingFunction(settings, scaler);
  const moving = updatesOf(training);
  const updates = (program: string): WriteUpdates | undefined => (program.startsWith(`${PROGRAM.moves}-`) ? moving : undefined);
  const programs = new JoinedPrograms(training.state, { precision, updates });
  const accumulation = new GradientAccumulation(accumulate);
  const seed = new StepSeed(settings.seed ?? 0, model.draws);
  /** True if the session has the newest state, false if the variables have it. */
  let isHeld = false;
  try {
    checkRecordable(settings, training);
  } catch (error) {
    training.dispose();
    throw error;
  }

  // While a session holds the values, the variables need no memory. They keep only their shapes, for later recordings.
  const release = (variable: Variable): void => tf.tidy(() => variable.assign(describedTensor(variable.shape, DATA_TYPE.float32)));

  const sessionFor = (shape: BatchShape): GraphSession => {
    let { session } = programs;
    if (session === undefined || !programs.has(programName(PROGRAM.moves, shape))) {
      const tapes = programsOf(settings).map((name) => [programName(name, shape), recordProgram(settings, training, shape, name)] as const);
      session = programs.join(new Map(tapes), isHeld);
    }
    if (!isHeld) session.takeState(training.state, release);
    isHeld = true;
    return session;
  };

  return {
    estimateMemory: (count, size) => {
      const tape = recordProgram(settings, training, { count, size }, PROGRAM.moves);
      return stepMemory(tape, selection(tape, precision));
    },
    run: (batch, learningRate, factoredRate = learningRate) => {
      const session = sessionFor(batch);
      const { moves } = accumulation;
      const program = programName(moves ? PROGRAM.moves : PROGRAM.waits, batch);
      const result = session.run(
        {
          [`${program}/images`]: imagesFeed(batch.images, batch),
          [`${program}/coverage`]: coverageFeed(model, batch.targets, batch),
          [`${program}/learningRate`]: scalarFeed(learningRate),
          ...(hasFactors(settings) && { [`${program}/factoredRate`]: scalarFeed(factoredRate) }),
          [`${program}/seed`]: { dataType: DATA_TYPE.int32, shape: [2], values: seed.values },
        },
        [`${program}/loss`],
      );
      accumulation.advance();
      seed.advance();
      return result.get(`${program}/loss`)?.[0] ?? Number.NaN;
    },
    readState: () => {
      const state = (isHeld ? programs.session?.readState() : undefined) ?? readVariables(training.state);
      accumulation.save(state);
      seed.save(state);
      return state;
    },
    writeState: (state) => {
      const saved = [accumulation.read(state), seed.read(state)];
      // The next batch moves the state into a session.
      writeVariables(training.state, state);
      isHeld = false;
      for (const { accept } of saved) accept();
    },
    dispose: () => {
      programs.dispose();
      training.dispose();
    },
  };
}
