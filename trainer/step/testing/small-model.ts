import { type Tensor, type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { Model } from '../../models/model.ts';

let models = 0;

/** The network of objective/reference/export.py with the given weights: two layers over each pixel's grey value, with tanh between them. */
export function smallModel(weights: Readonly<Record<string, readonly (number | readonly number[])[]>>, classes: number): Model {
  const scope = `small${models++}`;
  const variables = Object.entries(weights).map(([name, values]) => {
    const first = tf.tensor(values as number[][]);
    const variable = tf.variable(first, true, `${scope}/${name}`);
    first.dispose();
    return { name, variable, trainable: true };
  });
  const named = (name: string): Tensor => variables.find((variable) => variable.name === name)?.variable as Tensor;
  return {
    name: 'Small',
    options: {},
    classes,
    variables,
    parameterCount: variables.reduce((sum, { variable }) => sum + variable.size, 0),
    sizeMultiple: 1,
    draws: false,
    forward: (images) => {
      const [batch, height, width] = images.shape;
      const hidden = tf.tanh(tf.add(tf.matMul(tf.reshape(images, [-1, 1]), named('hidden/kernel')), named('hidden/bias')));
      const logits = tf.add(tf.matMul(hidden as Tensor, named('head/kernel')), named('head/bias'));
      return [tf.reshape(logits, [batch, height, width, classes]) as Tensor4D];
    },
    dispose: () => {
      for (const { variable } of variables) variable.dispose();
    },
  };
}
