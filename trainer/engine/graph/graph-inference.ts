/** Inference and validation as recorded graphs: the forward pass with the weights as session state. */
import type { Model } from '../../models/model.ts';
import { readWeights, savedVariables } from '../../models/weights.ts';
import { lossValueOf, type WeightedLoss } from '../../objective/losses.ts';
import { batchTensors, imageTensor } from '../device-batch.ts';
import type { NamedArrays } from '../named-arrays.ts';
import type { Evaluator, Predictor } from '../step.ts';
import { type Tensor4D, tf } from '../tensorflow.ts';
import { targetsOf } from '../training-function.ts';
import { compile, type Program, tapeOf } from './compile.ts';
import { DATA_TYPE } from './graph-definition.ts';
import type { Feed, GraphSession } from './graph-session.ts';
import type { Tape } from './tape.ts';

/** Where an evaluator takes the weights from: `version` changes whenever they have changed. */
export type WeightSource = () => { readonly version: number; readonly arrays: () => NamedArrays };

/** One session for each shape of batch, all brought up to the same weights when they are next used. */
class ForwardSessions {
  readonly #model: Model;
  readonly #record: (count: number, size: number) => Program;
  readonly #weights: WeightSource;
  readonly #sessions = new Map<string, { readonly session: GraphSession; version: number }>();

  constructor(model: Model, weights: WeightSource, record: (count: number, size: number) => Program) {
    this.#model = model;
    this.#weights = weights;
    this.#record = record;
  }

  run(count: number, size: number, feeds: Readonly<Record<string, Feed>>, wanted: readonly string[]): (name: string) => Float32Array {
    const shape = `${count}×${size}`;
    const { version, arrays } = this.#weights();
    let held = this.#sessions.get(shape);
    if (!held) {
      const variables = savedVariables(this.#model);
      const tapes = new Map<string, Tape>();
      tf.tidy(() => void tapes.set('forward', tapeOf(this.#record(count, size), variables)));
      held = { session: compile(tapes, variables, { precision: 'float32' }), version: Number.NaN };
      this.#sessions.set(shape, held);
    }
    if (held.version !== version) {
      held.session.writeState(arrays());
      held.version = version;
    }
    const results = held.session.run(feeds, wanted);
    return (name) => results.get(name) as Float32Array;
  }

  dispose(): void {
    for (const { session } of this.#sessions.values()) session.dispose();
    this.#sessions.clear();
  }
}

const imagesFeed = (images: Float32Array, count: number, size: number): Feed => ({
  dataType: DATA_TYPE.float32,
  shape: [count, size, size, 1],
  values: images,
});

/** Inference with a model's weights, which stay as they are meanwhile: each shape of batch reads them when it first comes. */
export function createGraphPredictor(model: Model): Predictor {
  const sessions = new ForwardSessions(
    model,
    () => ({ version: 0, arrays: () => readWeights(model) }),
    (count, size) => {
      const images = imageTensor(model, new Float32Array(count * size * size), count, size);
      return { name: 'forward', inputs: { images }, run: () => ({ logits: model.forward(images, false)[0] as Tensor4D }) };
    },
  );
  return {
    run: (images, count, size) =>
      sessions.run(count, size, { 'forward/images': imagesFeed(images, count, size) }, ['forward/logits'])('forward/logits'),
    dispose: () => sessions.dispose(),
  };
}

/** Loss and logits of validation batches with the weights that `source` holds at that moment. */
export function createGraphEvaluator(model: Model, losses: readonly WeightedLoss[], source: WeightSource): Evaluator {
  const lossValue = lossValueOf(losses);
  const sessions = new ForwardSessions(model, source, (count, size) => {
    const empty = {
      images: new Float32Array(count * size * size),
      targets: new Uint8Array(count * size * size * model.classes),
      count,
      size,
    };
    const inputs = batchTensors(model, empty);
    const run: Program['run'] = () => {
      const logits = model.forward(inputs.images, false)[0] as Tensor4D;
      return { logits, loss: lossValue(logits, targetsOf(inputs.coverage)) };
    };
    return { name: 'forward', inputs, run };
  });
  return {
    run: ({ images, targets, count, size }) => {
      const coverage: Feed = { dataType: DATA_TYPE.uint8, shape: [count, size, size, model.classes], values: targets };
      const feeds = { 'forward/images': imagesFeed(images, count, size), 'forward/coverage': coverage };
      const result = sessions.run(count, size, feeds, ['forward/loss', 'forward/logits']);
      return { loss: result('forward/loss')[0] ?? Number.NaN, logits: result('forward/logits') };
    },
    dispose: () => sessions.dispose(),
  };
}
