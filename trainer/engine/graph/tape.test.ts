import { describe, expect, it } from 'vitest';
import { runKernel, runKernelOutputs, typeAttribute } from '../kernels.ts';
import { type Tensor, tf, type Variable } from '../tensorflow.ts';
import { DATA_TYPE } from './graph-definition.ts';
import { difference, record, type Tape } from './tape.ts';

/** A step on two values and a variable of two values. `time` counts how often it has run. */
type Step = (x: Tensor, weight: Variable, time: number) => Record<string, Tensor>;

function taped(step: Step, time = 0): Tape {
  const weight = tf.tidy(() => tf.variable(tf.tensor1d([3, 4])));
  const x = tf.tensor1d([1 + time, 2]);
  try {
    const { tape, results } = record(() => step(x, weight, time), { x }, [{ name: 'weight', variable: weight }]);
    for (const tensor of Object.values(results)) tensor.dispose();
    return tape;
  } finally {
    weight.dispose();
    x.dispose();
  }
}

const both = (step: Step): string | undefined => difference(taped(step, 0), taped(step, 1));

describe('two recordings of a step', () => {
  it('on other data are the same program', () => {
    const step: Step = (x, weight) => {
      const y = tf.add(tf.mul(x, weight), 1);
      weight.assign(tf.sub(weight, y));
      return { y };
    };
    expect(both(step)).toBeUndefined();
  });

  it.each<{ name: string; step: Step; says: RegExp }>([
    {
      name: 'an operation more',
      step: (x, _, time) => ({ y: time === 0 ? tf.neg(x) : tf.neg(tf.neg(x)) }),
      says: /1 operations one time and 2 the next/,
    },
    {
      name: 'another operation',
      step: (x, _, time) => ({ y: time === 0 ? tf.neg(x) : tf.exp(x) }),
      says: /^operation 0 is Neg one time and Exp/,
    },
    {
      name: 'another attribute',
      step: (x, _, time) => ({ y: tf.cumsum(x, 0, time === 0) }),
      says: /^operation 0 is Cumsum one time and Cumsum \(or its attributes differ\)/,
    },
    {
      name: 'a number that JavaScript counts',
      step: (x, _, time) => ({ y: tf.mul(x, time) }),
      says: /^input 1 of operation 0 \(Mul\) is a value made in JavaScript that changes between steps$/,
    },
    {
      name: 'the same operations in another order of their inputs',
      step: (x, weight, time) => ({ y: time === 0 ? tf.sub(x, weight) : tf.sub(weight, x) }),
      says: /^input 0 of operation 0 \(Sub\) comes from elsewhere the next time$/,
    },
    {
      name: 'an operation on another result',
      step: (x, _, time) => {
        const [one, other] = [tf.exp(x), tf.neg(x)];
        return { y: tf.square(time === 0 ? one : other) };
      },
      says: /^input 0 of operation 2 \(Square\) comes from elsewhere the next time$/,
    },
    {
      name: 'another result',
      step: (x, _, time) => {
        const [one, other] = [tf.exp(x), tf.neg(x)];
        return { y: time === 0 ? one : other };
      },
      says: /^y comes from elsewhere the next time$/,
    },
    {
      name: 'a variable that is assigned one time only',
      step: (x, weight, time) => {
        const y = tf.mul(x, weight);
        if (time === 0) weight.assign(y);
        return { y };
      },
      says: /^its assigned values are others the next time$/,
    },
  ])('with $name are not', ({ step, says }) => {
    expect(both(step)).toMatch(says);
  });
});

describe('a recording', () => {
  it.each<{ name: string; step: Step }>([
    { name: 'a variable', step: (x, weight) => ({ y: tf.mul(x, weight.dataSync()[0] ?? 0) }) },
    { name: 'a computed value', step: (x) => ({ y: tf.mul(x, tf.neg(x).dataSync()[0] ?? 0) }) },
  ])('refuses to read $name in JavaScript, where it would be frozen', ({ step }) => {
    expect(() => taped(step)).toThrow(/reads the values of a tensor in JavaScript/);
  });

  it('has the shapes and types that the kernels would give', () => {
    const { operations, results, assigned } = taped((x, weight) => {
      const taller = tf.tile(tf.reshape(x, [2, 1]), [3, 2]);
      weight.assign(tf.sum(tf.square(taller), 0));
      return { taller, where: tf.argMax(taller, 0) };
    });
    const described = operations.map(({ name, outputs }) => [name, ...outputs.map(({ shape, dtype }) => [shape, dtype])]);
    const { float32, int32 } = DATA_TYPE;
    expect(described).toEqual([
      ['Reshape', [[2, 1], float32]],
      ['Tile', [[6, 2], float32]],
      ['Square', [[6, 2], float32]],
      ['Sum', [[2], float32]],
      ['ArgMax', [[2], int32]],
    ]);
    expect([...results.keys(), ...assigned.keys()]).toEqual(['taller', 'where', 'weight']);
  });

  it('runs no kernel: it holds no more memory than its constants', () => {
    const bytes = () => process.memoryUsage().rss;
    const before = bytes();
    // A hundred gigabytes, if anybody computed them.
    const { operations } = taped((x) => {
      const large = tf.tile(tf.reshape(x, [1, 2]), [1 << 17, 1 << 17]);
      return { y: tf.sum(tf.exp(large)) };
    });
    expect(operations.map(({ name }) => name)).toContain('Exp');
    expect(bytes() - before).toBeLessThan(2 ** 28);
  });

  it('passes on what TensorFlow says of shapes that do not fit', () => {
    expect(() => taped((x) => ({ y: runKernel('Add', [typeAttribute('T')], [x, tf.ones([3])]) }))).toThrow(
      /Dimensions must be equal, but are 2 and 3/,
    );
  });

  it('refuses an operation whose size depends on values', () => {
    const unique = [typeAttribute('T'), typeAttribute('out_idx', DATA_TYPE.int32)];
    expect(() => taped((x) => ({ y: runKernelOutputs('Unique', unique, [x], 2)[0] as Tensor }))).toThrow(
      /the shape of what Unique gives depends on values/,
    );
  });

  it('refuses a value that was computed outside the step', () => {
    const outside = tf.neg(tf.tensor1d([1, 2]));
    expect(() => taped((x) => ({ y: tf.mul(x, outside) }))).toThrow(
      /Mul reads a tensor from outside that is neither an input nor a variable/,
    );
    outside.dispose();
  });
});
