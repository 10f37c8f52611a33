import { describe, expect, it } from 'vitest';
import { runKernel, runKernelOutputs, typeAttribute } from '../kernels.ts';
import { type Tensor, tf, type Variable } from '../tensorflow.ts';
import { DATA_TYPE } from './graph-definition.ts';
import { difference, record, type Tape } from './tape.ts';

/** A step on two values and a variable of two values. `time` is the number of earlier recordings. */
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
  it('with other data are the same program', () => {
    const step: Step = (x, weight) => {
      const y = tf.add(tf.mul(x, weight), 1);
      weight.assign(tf.sub(weight, y));
      return { y };
    };
    expect(both(step)).toBeUndefined();
  });

  it.each<{ name: string; step: Step; says: RegExp }>([
    {
      name: 'an additional operation',
      step: (x, _, time) => ({ y: time === 0 ? tf.neg(x) : tf.neg(tf.neg(x)) }),
      says: /the first recording has 1 operations and the second 2/,
    },
    {
      name: 'a different operation',
      step: (x, _, time) => ({ y: time === 0 ? tf.neg(x) : tf.exp(x) }),
      says: /^operation 0 is Neg in the first recording and Exp/,
    },
    {
      name: 'a different attribute',
      step: (x, _, time) => ({ y: tf.cumsum(x, 0, time === 0) }),
      says: /^operation 0 is Cumsum in the first recording and Cumsum \(or has other attributes\)/,
    },
    {
      name: 'a number that JavaScript counts up',
      step: (x, _, time) => ({ y: tf.mul(x, time) }),
      says: /^input 1 of operation 0 \(Mul\) is a value made in JavaScript that changes between steps$/,
    },
    {
      name: 'the same operation with its inputs swapped',
      step: (x, weight, time) => ({ y: time === 0 ? tf.sub(x, weight) : tf.sub(weight, x) }),
      says: /^input 0 of operation 0 \(Sub\) has another origin in the second recording$/,
    },
    {
      name: 'an operation on a different result',
      step: (x, _, time) => {
        const [one, other] = [tf.exp(x), tf.neg(x)];
        return { y: tf.square(time === 0 ? one : other) };
      },
      says: /^input 0 of operation 2 \(Square\) has another origin in the second recording$/,
    },
    {
      name: 'a different result',
      step: (x, _, time) => {
        const [one, other] = [tf.exp(x), tf.neg(x)];
        return { y: time === 0 ? one : other };
      },
      says: /^y has another origin in the second recording$/,
    },
    {
      name: 'a variable that only one of them assigns',
      step: (x, weight, time) => {
        const y = tf.mul(x, weight);
        if (time === 0) weight.assign(y);
        return { y };
      },
      says: /^the recordings have different assigned values$/,
    },
  ])('with $name are different programs', ({ step, says }) => {
    expect(both(step)).toMatch(says);
  });
});

describe('a recording', () => {
  it.each<{ name: string; step: Step }>([
    { name: 'an input or a variable', step: (x, weight) => ({ y: tf.mul(x, weight.dataSync()[0] ?? 0) }) },
    { name: 'the result of Neg', step: (x) => ({ y: tf.mul(x, tf.neg(x).dataSync()[0] ?? 0) }) },
  ])('refuses a step in which JavaScript reads the values of $name, because they would be frozen', ({ name, step }) => {
    expect(() => taped(step)).toThrow(`JavaScript reads the values of ${name}`);
  });

  it('has the shapes and types that the kernels return', () => {
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

  it('runs no kernel and allocates memory only for its constants', () => {
    const bytes = () => process.memoryUsage().rss;
    const before = bytes();
    // The values would need a hundred gigabytes.
    const { operations } = taped((x) => {
      const large = tf.tile(tf.reshape(x, [1, 2]), [1 << 17, 1 << 17]);
      return { y: tf.sum(tf.exp(large)) };
    });
    expect(operations.map(({ name }) => name)).toContain('Exp');
    expect(bytes() - before).toBeLessThan(2 ** 28);
  });

  it("reports TensorFlow's message about shapes that do not fit", () => {
    expect(() => taped((x) => ({ y: runKernel('Add', [typeAttribute('T')], [x, tf.ones([3])]) }))).toThrow(
      /Dimensions must be equal, but are 2 and 3/,
    );
  });

  it('refuses an operation whose output size depends on values', () => {
    const unique = [typeAttribute('T'), typeAttribute('out_idx', DATA_TYPE.int32)];
    expect(() => taped((x) => ({ y: runKernelOutputs('Unique', unique, [x], 2)[0] as Tensor }))).toThrow(
      /the shape of an output of Unique depends on values/,
    );
  });

  it('refuses a value that was computed outside the step', () => {
    const outside = tf.neg(tf.tensor1d([1, 2]));
    expect(() => taped((x) => ({ y: tf.mul(x, outside) }))).toThrow(
      /Mul reads a tensor from outside the step that is neither an input nor a variable/,
    );
    outside.dispose();
  });
});
