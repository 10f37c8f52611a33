/** Inference and validation as recorded graphs: the forward pass with the weights as session state. */
import type { Model } from '../../models/model.ts';
import { readWeights, savedVariables } from '../../models/weights.ts';
import { lossValueOf, type WeightedLoss } from '../../objective/losses.ts';
import { checkSize } from '../device-batch.ts';
import type { NamedArrays } from '../named-arrays.ts';
import type { Evaluator, Predictor } from '../step.ts';
import { type Tensor4D, tf } from '../tensorflow.ts';
import { targetsOf } from '../training-function.ts';
import { type Program, tapeOf } from './compile.ts';
import { DATA_TYPE } from './graph-definition.ts';
import type { Feed } from './graph-session.ts';
import { JoinedPrograms } from './joined-programs.ts';
import { describedTensor } from './native-binding.ts';
import type { BatchShape } from './recorded-step.ts';
import type { Tape } from './tape.ts';

/** Where an evaluator takes the weights from: `version` changes whenever they have changed. */
export type WeightSource = () => { readonly version: number; readonly arrays: () => NamedArrays };

/** Forward passes over the weights of one source, for every shape of batch that comes. */
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

  /** What the forward pass gives under the wanted names; `feeds` without the program's name. */
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

  dispose(): void {
    this.#programs.dispose();
  }
}

const imagesFeed = (images: Float32Array, { count, size }: BatchShape): Feed => ({
  dataType: DATA_TYPE.float32,
  shape: [count, size, size, 1],
  values: images,
});

const describedImages = ({ count, size }: BatchShape): Tensor4D => describedTensor([count, size, size, 1], DATA_TYPE.float32) as Tensor4D;

/** Inference with a model's weights, which stay as they are meanwhile. */
export function createGraphPredictor(model: Model): Predictor {
  const weights: WeightSource = () => ({ version: 0, arrays: () => readWeights(model) });
  const session = new ForwardSession(model, weights, (shape) => {
    const images = describedImages(shape);
    return { inputs: { images }, run: () => ({ logits: model.forward(images, false)[0] as Tensor4D }) };
  });
  return {
    run: (images, count, size) => session.run({ count, size }, { images: imagesFeed(images, { count, size }) }, ['logits'])('logits'),
    dispose: () => session.dispose(),
  };
}

/** Loss and logits of validation batches with the weights that `source` holds at that moment. */
export function createGraphEvaluator(model: Model, losses: readonly WeightedLoss[], source: WeightSource): Evaluator {
  const lossValue = lossValueOf(losses);
  const session = new ForwardSession(model, source, (shape) => {
    const images = describedImages(shape);
    const coverage = describedTensor([shape.count, shape.size, shape.size, model.classes], DATA_TYPE.uint8);
    const run: Program['run'] = () => {
      const logits = model.forward(images, false)[0] as Tensor4D;
      return { logits, loss: lossValue(logits, targetsOf(coverage)) };
    };
    return { inputs: { images, coverage }, run };
  });
  return {
    run: ({ images, targets, count, size }) => {
      const coverage: Feed = { dataType: DATA_TYPE.uint8, shape: [count, size, size, model.classes], values: targets };
      const result = session.run({ count, size }, { images: imagesFeed(images, { count, size }), coverage }, ['loss', 'logits']);
      return { loss: result('loss')[0] ?? Number.NaN, logits: result('logits') };
    },
    dispose: () => session.dispose(),
  };
}
