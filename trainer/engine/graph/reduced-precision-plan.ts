/** Which operations of a tape compute in bfloat16. */
import { valueCount } from '../named-arrays.ts';
import { isTypedInput, isTypedOutput, type PrecisionRole, precisionRole } from './reduced-precision-operations.ts';
import type { Tape } from './tape.ts';

type Described = { readonly shape: readonly number[]; readonly dtype: number };

/** Shape and type of everything that a tape's operations read and write, by native id. */
export function describedValues(tape: Tape): ReadonlyMap<number, Described> {
  const leaves = [...tape.inputs, ...tape.variables].map((leaf) => [leaf.id, leaf] as const);
  const outputs = tape.operations.flatMap((operation) => operation.outputs.map((output) => [output.id, output] as const));
  return new Map<number, Described>([...tape.constants, ...leaves, ...outputs]);
}

/**
 * The indices of the live operations that compute in bfloat16: all operations that gain; operations that pass, if they are on a path from
 * one gaining operation to another and at least half of what they read is bfloat16; and biases that join such an operation. Everything else
 * (losses, sums, the optimizer) stays float32.
 */
export function reducedPrecisionPlan(tape: Tape, live: ReadonlySet<number>): ReadonlySet<number> {
  const values = describedValues(tape);
  const roles = tape.operations.map(({ name, attributes, inputIds, outputs }, index): PrecisionRole => {
    if (!live.has(index)) return 'stays';
    const inputs = inputIds.map((id) => values.get(id)?.shape ?? []);
    const isFloat = outputs.some(({ dtype }, position) => isTypedOutput(name, position, dtype));
    return isFloat ? precisionRole({ name, attributes, inputs, outputs: outputs.map(({ shape }) => shape) }) : 'stays';
  });
  const typedInputs = tape.operations.map(({ name, inputIds }) =>
    inputIds.filter((id, position) => isTypedInput(name, position, values.get(id)?.dtype ?? 0)),
  );
  const typedOutputs = tape.operations.map(({ name, outputs }) =>
    outputs.filter(({ dtype }, position) => isTypedOutput(name, position, dtype)).map(({ id }) => id),
  );
  const sizeOf = (ids: readonly number[]): number => ids.reduce((sum, id) => sum + valueCount(values.get(id)?.shape ?? []), 0);
  const isMostly = (held: ReadonlySet<number>, ids: readonly number[]): boolean => {
    const those = ids.filter((id) => held.has(id));
    return those.length > 0 && 2 * sizeOf(those) >= sizeOf(ids);
  };
  /** Values that an operation returns in bfloat16, and values that an operation needs in bfloat16. */
  const given = new Set<number>();
  const needed = new Set<number>();
  const follows = roles.map((role, index) => {
    const follow = role === 'gains' || (role !== 'stays' && isMostly(given, typedInputs[index] ?? []));
    if (follow) for (const id of typedOutputs[index] ?? []) given.add(id);
    return follow;
  });
  const plan = new Set<number>();
  for (let index = roles.length - 1; index >= 0; index--) {
    const leads = roles[index] === 'gains' || roles[index] === 'joins' || (typedOutputs[index] ?? []).some((id) => needed.has(id));
    if (!follows[index] || !leads) continue;
    plan.add(index);
    for (const id of typedInputs[index] ?? []) needed.add(id);
  }
  return plan;
}
