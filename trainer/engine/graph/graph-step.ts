/** A training step recorded once for each shape of batch and run as one TensorFlow graph. */
import type { Model } from '../../models/model.ts';
import { batchTensors } from '../device-batch.ts';
import { createLossScaler } from '../loss-scaler.ts';
import { SharedZeros } from '../shared-zeros.ts';
import type { StepBatch, TrainingStep } from '../step.ts';
import { StepSeed } from '../step-seed.ts';
import { type Scalar, type Tensor, tf, type Variable } from '../tensorflow.ts';
import { createTrainingFunction, type TrainingFunction, type TrainingSettings } from '../training-function.ts';
import { readVariables, undone, writeVariables } from '../variable-arrays.ts';
import { WaitingBatches } from '../waiting-batches.ts';
import { averageUpdate } from './average-update.ts';
import { compile, type Program, tapeOf, type WriteUpdates } from './compile.ts';
import { fusedUpdate } from './fused-update.ts';
import { DATA_TYPE } from './graph-definition.ts';
import type { GraphSession } from './graph-session.ts';
import { type ReleasePlan, releasePlan } from './release-plan.ts';
import { type StepMemory, stepMemory } from './step-memory.ts';
import { difference, NotRecordable, type Tape } from './tape.ts';
import { FINITE, GRADIENT, UpdateContext } from './update-context.ts';

const PROGRAM = { moves: 'move', waits: 'wait' } as const;

type Plans = ReadonlyMap<string, ReleasePlan>;

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

/** Records the step on this batch; the variables are afterwards what they were before. */
function recordStep(settings: TrainingSettings, training: TrainingFunction, batch: StepBatch, plans: Plans = new Map()): Map<string, Tape> {
  const { model, optimizer, accumulate = 1 } = settings;
  const trainable = model.variables.filter((variable) => variable.trainable);
  const isFused = fusedUpdate(trainable, optimizer) !== undefined;
  const names = accumulate > 1 ? [PROGRAM.waits, PROGRAM.moves] : [PROGRAM.moves];
  const tapes = new Map<string, Tape>();
  undone(training.state, () => {
    const inputs = { ...batchTensors(model, batch), learningRate: tf.scalar(0) as Scalar, seed: tf.tensor1d([0, 0], 'int32') };
    const { images, coverage, learningRate, seed } = inputs;
    for (const name of names) {
      const run: Program['run'] = () => {
        const kept: [string, Tensor][] = [];
        const keep = (gradients: readonly Tensor[], rate: Scalar, finite?: Scalar): void => {
          if (!isFused) training.move(gradients, rate, finite);
          else for (const [index, gradient] of gradients.entries()) kept.push([`${GRADIENT}${trainable[index]?.name}`, gradient]);
          if (finite) kept.push([FINITE, finite]);
        };
        const loss = training.step(images, coverage, learningRate, name === PROGRAM.moves, seed, keep);
        return { loss, ...Object.fromEntries(kept) };
      };
      tapes.set(name, tapeOf({ name, inputs, run }, training.state, plans.get(name)));
    }
  });
  return tapes;
}

/** One image of one grey, that or nothing of which every class covers. */
function plainBatch({ classes }: Model, size: number, grey: number): StepBatch {
  return {
    images: new Float32Array(size * size).fill(grey),
    targets: new Uint8Array(size * size * classes).fill(255 * grey),
    count: 1,
    size,
  };
}

/** The step on a small image, for every program: what is known of it before it is recorded at the size that it trains at. */
type SmallStep = { readonly tapes: ReadonlyMap<string, Tape>; readonly size: number };

/** Throws NotRecordable where two recordings of the step, on small batches of different content, are not the same program. */
function checkRecordable(settings: TrainingSettings, training: TrainingFunction): SmallStep {
  const size = 2 * settings.model.sizeMultiple;
  const recorded = (grey: number): Map<string, Tape> => recordStep(settings, training, plainBatch(settings.model, size, grey));
  const [tapes, second] = [recorded(0), recorded(1)];
  for (const [name, tape] of tapes) {
    const why = difference(tape, second.get(name) ?? tape);
    if (why !== undefined) throw new NotRecordable(why);
  }
  return { tapes, size };
}

/** Says beforehand how much memory a step takes. Records it once more, half as large again. */
function foretellMemory(settings: TrainingSettings, training: TrainingFunction, { tapes, size }: SmallStep, plans: Plans): ForetellMemory {
  const larger = 1.5 * size;
  const small = tapes.get(PROGRAM.moves);
  const large = recordStep(settings, training, plainBatch(settings.model, larger, 0), plans).get(PROGRAM.moves);
  if (!small || !large) throw new Error('the step that moves was not recorded');
  return stepMemory({ tape: small, size }, { tape: large, size: larger });
}

/** A function of images in a batch and their side. */
type ForetellMemory = (count: number, size: number) => StepMemory;

/** A step that can tell what it will need. */
export type GraphStep = TrainingStep & {
  /** How much memory a step takes, by the number of images and their side. To be asked before the first step. */
  foretellMemory(): ForetellMemory;
};

/**
 * The step of eager-step.ts, recorded and run as one graph. It computes what eager computes (the order of some sums may differ), and the same
 * state and the same batches give the same bits on one machine. Throws NotRecordable where the step cannot become a graph.
 */
export function createGraphStep(settings: TrainingSettings): GraphStep {
  const { model, accumulate = 1, precision = 'float32' } = settings;
  const scaler = precision === 'float16' ? createLossScaler(settings.lossScale) : undefined;
  const training = createTrainingFunction(settings, scaler);
  const updates = new Map([[PROGRAM.moves, updatesOf(settings, scaler !== undefined)]]);
  const sessions = new Map<string, GraphSession>();
  const waiting = new WaitingBatches(accumulate);
  const seed = new StepSeed(settings.seed ?? 0, model.draws);
  /** The session that holds the newest state; undefined while the variables do. */
  let holder: GraphSession | undefined;
  let small: SmallStep;
  try {
    small = checkRecordable(settings, training);
  } catch (error) {
    training.dispose();
    throw error;
  }
  // When each value of the step can be freed.
  const plans: Plans = new Map([...small.tapes].map(([name, tape]) => [name, releasePlan(tape)]));

  // The variables' memory is given back while a session holds their values; they stay as shapes for recordings to come.
  const zeros = new SharedZeros();
  const release = (variable: Variable): void => tf.tidy(() => variable.assign(zeros.like(variable.shape)));

  const sessionFor = (batch: StepBatch): GraphSession => {
    const shape = `${batch.count}×${batch.size}`;
    let session = sessions.get(shape);
    if (session !== undefined && session === holder) return session;
    if (session === undefined) {
      session = compile(recordStep(settings, training, batch, plans), training.state, { precision, updates });
      sessions.set(shape, session);
    }
    if (holder) session.writeState(holder.readState());
    else session.takeState(training.state, release);
    holder = session;
    return session;
  };

  return {
    foretellMemory: () => foretellMemory(settings, training, small, plans),
    run: (batch, learningRate) => {
      const session = sessionFor(batch);
      const { moves } = waiting;
      const program = moves ? PROGRAM.moves : PROGRAM.waits;
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
      const state = holder?.readState() ?? readVariables(training.state);
      waiting.save(state);
      seed.save(state);
      return state;
    },
    writeState: (state) => {
      const saved = [waiting.read(state), seed.read(state)];
      // The next batch brings it into a session.
      writeVariables(training.state, state);
      holder = undefined;
      for (const { accept } of saved) accept();
    },
    dispose: () => {
      for (const session of sessions.values()) session.dispose();
      sessions.clear();
      zeros.dispose();
      training.dispose();
    },
  };
}
