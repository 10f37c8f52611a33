/** A training step recorded once for each shape of batch and run as one TensorFlow graph. */
import { createLossScaler } from '../loss-scaler.ts';
import type { TrainingStep } from '../step.ts';
import { StepSeed } from '../step-seed.ts';
import { tf, type Variable } from '../tensorflow.ts';
import { createTrainingFunction, type TrainingSettings } from '../training-function.ts';
import { readVariables, writeVariables } from '../variable-arrays.ts';
import { WaitingBatches } from '../waiting-batches.ts';
import { averageUpdate } from './average-update.ts';
import { selection, type WriteUpdates } from './compile.ts';
import { fusedUpdate } from './fused-update.ts';
import { DATA_TYPE } from './graph-definition.ts';
import type { GraphSession } from './graph-session.ts';
import { JoinedPrograms } from './joined-programs.ts';
import { describedTensor } from './native-binding.ts';
import { type BatchShape, checkRecordable, PROGRAM, type ProgramName, programsOf, recordProgram } from './recorded-step.ts';
import { type StepMemory, stepMemory } from './step-memory.ts';
import { UpdateContext } from './update-context.ts';

/** What a step that moves does beside what is recorded: the optimizer's move where TensorFlow has a kernel for it, then the average's. */
function updatesOf({ model, optimizer, average }: TrainingSettings, skips: boolean): WriteUpdates {
  const trainable = model.variables.filter((variable) => variable.trainable);
  const fused = fusedUpdate(trainable, optimizer);
  return (stateful, reference, variable, recorded) => {
    const context = new UpdateContext(stateful, reference, skips);
    const moved = fused?.(context, stateful, reference, variable) ?? [];
    if (!average || average.decay === 0) return moved;
    const averaged = averageUpdate(model.variables, average, [...recorded, ...moved]);
    return [...moved, ...averaged(context, stateful, reference, variable)];
  };
}

/** A step that can tell what it will need. */
export type GraphStep = TrainingStep & {
  /** How much memory a step takes with so many images of such a side. */
  foretellMemory(count: number, size: number): StepMemory;
};

/** The name of a step's program for batches of one shape, of which feeds' and results' names are made. */
const programName = (program: ProgramName, { count, size }: BatchShape): string => `${program}-${count}x${size}`;

/**
 * The step of eager-step.ts, recorded and run as one graph. It computes what eager computes (the order of some sums may differ), and the same
 * state and the same batches give the same bits on one machine. Throws NotRecordable where the step cannot become a graph.
 */
export function createGraphStep(settings: TrainingSettings): GraphStep {
  const { model, accumulate = 1, precision = 'float32' } = settings;
  const scaler = precision === 'float16' ? createLossScaler(settings.lossScale) : undefined;
  const training = createTrainingFunction(settings, scaler);
  const moving = updatesOf(settings, scaler !== undefined);
  const updates = (program: string): WriteUpdates | undefined => (program.startsWith(`${PROGRAM.moves}-`) ? moving : undefined);
  const programs = new JoinedPrograms(training.state, { precision, updates });
  const waiting = new WaitingBatches(accumulate);
  const seed = new StepSeed(settings.seed ?? 0, model.draws);
  /** Whether the session has the newest state, or the variables do. */
  let isHeld = false;
  try {
    checkRecordable(settings, training);
  } catch (error) {
    training.dispose();
    throw error;
  }

  // The variables' memory is given back while a session holds their values; they stay as shapes for recordings to come.
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
    foretellMemory: (count, size) => {
      const tape = recordProgram(settings, training, { count, size }, PROGRAM.moves);
      return stepMemory(tape, selection(tape, precision));
    },
    run: (batch, learningRate) => {
      const session = sessionFor(batch);
      const { moves } = waiting;
      const program = programName(moves ? PROGRAM.moves : PROGRAM.waits, batch);
      const { images, targets, count, size } = batch;
      const result = session.run(
        {
          [`${program}/images`]: { dataType: DATA_TYPE.float32, shape: [count, size, size, 1], values: images },
          [`${program}/coverage`]: { dataType: DATA_TYPE.uint8, shape: [count, size, size, model.classes], values: targets },
          [`${program}/learningRate`]: { dataType: DATA_TYPE.float32, shape: [], values: Float32Array.of(learningRate) },
          [`${program}/seed`]: { dataType: DATA_TYPE.int32, shape: [2], values: seed.values },
        },
        [`${program}/loss`],
      );
      waiting.advance();
      seed.advance();
      return result.get(`${program}/loss`)?.[0] ?? Number.NaN;
    },
    readState: () => {
      const state = (isHeld ? programs.session?.readState() : undefined) ?? readVariables(training.state);
      waiting.save(state);
      seed.save(state);
      return state;
    },
    writeState: (state) => {
      const saved = [waiting.read(state), seed.read(state)];
      // The next batch brings it into a session.
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
