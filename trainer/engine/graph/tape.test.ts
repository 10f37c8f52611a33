import { describe, expect, it } from 'vitest';
import { type Tensor, tf, type Variable } from '../tensorflow.ts';
import { type ReleasePlan, releasePlan } from './release-plan.ts';
import { difference, record, type Tape } from './tape.ts';

/** A step on two values and a variable of two values. `time` counts how often it has run. */
type Step = (x: Tensor, weight: Variable, time: number) => Record<string, Tensor>;

/** The tape of a step's run and the values of its results. */
function taped(step: Step, time = 0, plan?: ReleasePlan): { tape: Tape; values: number[] } {
  const weight = tf.tidy(() => tf.variable(tf.tensor1d([3, 4])));
  const x = tf.tensor1d([1 + time, 2]);
  try {
    const { tape, results } = record(() => step(x, weight, time), { x }, [{ name: 'weight', variable: weight }], plan);
    const values = Object.values(results).flatMap((tensor) => [...tensor.dataSync()]);
    for (const tensor of Object.values(results)) tensor.dispose();
    return { tape, values };
  } finally {
    weight.dispose();
    x.dispose();
  }
}

const both = (step: Step): string | undefined => difference(taped(step, 0).tape, taped(step, 1).tape);

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
  it('frees by the plan of an earlier one what nobody needs any more, and gives the same', () => {
    const step: Step = (x, weight) => ({ y: tf.mul(tf.exp(tf.mul(x, weight)), weight) });
    const { tape, values } = taped(step);
    expect(taped(step, 0, releasePlan(tape)).values).toEqual(values);
  });

  it('refuses the plan of another program', () => {
    const { tape } = taped((x) => ({ y: tf.neg(x) }));
    expect(() => taped((x) => ({ y: tf.exp(x) }), 0, releasePlan(tape))).toThrow(/operation 0 is Neg at one size and Exp at another/);
  });

  it('refuses to read a computed value back', () => {
    expect(() => taped((x) => ({ y: tf.mul(x, tf.neg(x).dataSync()[0] ?? 0) }))).toThrow(/reads a computed tensor back/);
  });

  it('refuses a value that was computed outside the step', () => {
    const outside = tf.neg(tf.tensor1d([1, 2]));
    expect(() => taped((x) => ({ y: tf.mul(x, outside) }))).toThrow(
      /Mul reads a tensor from outside that is neither an input nor a variable/,
    );
    outside.dispose();
  });
});
