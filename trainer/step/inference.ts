/** Prediction and validation as recorded graphs: the forward pass, with the weights as session state. */
import type { Feed } from '../engine/graph/graph-session.ts';
import { JoinedPrograms, type Program, selection, tapeOf } from '../engine/graph/programs.ts';
import { type StepMemory, stepMemory } from '../engine/graph/step-memory.ts';
import type { Tape } from '../engine/graph/tape.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { Model } from '../models/model.ts';
import { readWeights, savedVariables } from '../models/weights.ts';
import { lossValueOf, type WeightedLoss } from '../objective/losses.ts';
import { type BatchShape, checkSize, coverageFeed, describedCoverage, describedImages, imagesFeed, targetsOf } from './batch.ts';
import type { Evaluator, Predictor } from './step.ts';

/** The weights of an evaluator. `version` changes whenever the weights change. */
export type WeightSource = () => { readonly version: number; readonly arrays: () => NamedArrays };

/** Forward passes with the weights of one source, for any shape of batch. */
class ForwardSession {
  readonly #model: Model;
  readonly #record: (shape: BatchShape) => Program;
  readonly #weights: WeightSource;
  readonly #programs: JoinedPrograms;
  #version = Number.NaN;

  constructor(model: Model, weights: WeightSource, record: (shape: BatchShape) => Program) {
    this.#model = model;
    this.#weights = weights;
    this.#record = record;
    this.#programs = new JoinedPrograms(savedVariables(model), { precision: 'float32' });
  }

  /** Runs the forward pass and returns the `wanted` results. Names here do not include the program's name. */
  run(shape: BatchShape, feeds: Readonly<Record<string, Feed>>, wanted: readonly string[]): (name: string) => Float32Array {
    const program = `forward-${shape.count}x${shape.size}`;
    const { version, arrays } = this.#weights();
    let { session } = this.#programs;
    if (session === undefined || !this.#programs.has(program)) {
      checkSize(this.#model, shape.size);
      const tapes = new Map<string, Tape>();
      tf.tidy(() => void tapes.set(program, tapeOf(this.#record(shape), savedVariables(this.#model))));
      session = this.#programs.join(tapes, version === this.#version);
    }
    if (this.#version !== version) {
      session.writeState(arrays());
      this.#version = version;
    }
    const named = Object.entries(feeds).map(([name, feed]) => [`${program}/${name}`, feed] as const);
    const results = session.run(
      Object.fromEntries(named),
      wanted.map((name) => `${program}/${name}`),
    );
    return (name) => results.get(`${program}/${name}`) as Float32Array;
  }

  /** The memory of one run, from a recording of it. Nothing runs. */
  memory(shape: BatchShape): StepMemory {
    return tf.tidy(() => {
      const tape = tapeOf(this.#record(shape), savedVariables(this.#model));
      return stepMemory(tape, selection(tape, 'float32'));
    });
  }

  dispose(): void {
    this.#programs.dispose();
  }
}

/** A predictor that also knows the memory of a run with `count` images of `size`×`size` pixels. */
export type EstimatedPredictor = Predictor & { estimateMemory(count: number, size: number): StepMemory };

/**
 * Inference with a model's weights, which must not change while the predictor is in use. `run` throws `not-recordable` if the forward pass
 * cannot be recorded.
 */
export function createPredictor(model: Model): EstimatedPredictor {
  const weights: WeightSource = () => ({ version: 0, arrays: () => readWeights(model) });
  const session = new ForwardSession(model, weights, (shape) => {
    const images = describedImages(shape);
    return { inputs: { images }, run: () => ({ logits: model.forward(images, false)[0] as Tensor4D }) };
  });
  return {
    run: (images, count, size) => session.run({ count, size }, { images: imagesFeed(images, { count, size }) }, ['logits'])('logits'),
    estimateMemory: (count, size) => session.memory({ count, size }),
    dispose: () => session.dispose(),
  };
}

/** Loss and logits of validation batches, with the current weights of `source`. */
export function createEvaluator(model: Model, losses: readonly WeightedLoss[], source: WeightSource): Evaluator {
  const lossValue = lossValueOf(losses);
  const session = new ForwardSession(model, source, (shape) => {
    const images = describedImages(shape);
    const coverage = describedCoverage(model, shape);
    const run: Program['run'] = () => {
      const logits = model.forward(images, false)[0] as Tensor4D;
      return { logits, loss: lossValue(logits, targetsOf(coverage)) };
    };
    return { inputs: { images, coverage }, run };
  });
  return {
    run: (batch) => {
      const feeds = { images: imagesFeed(batch.images, batch), coverage: coverageFeed(model, batch.targets, batch) };
      const result = session.run(batch, feeds, ['loss', 'logits']);
      return { loss: result('loss')[0] ?? Number.NaN, logits: result('logits') };
    },
    dispose: () => session.dispose(),
  };
}
