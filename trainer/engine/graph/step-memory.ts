/** Estimates the memory of a step from its tape: the size of each value, and which values live at the same time. */
import { valueCount } from '../named-arrays.ts';
import { DATA_TYPE } from './graph-definition.ts';
import type { NativeTensor } from './native-binding.ts';
import { isTypedOutput } from './reduced-precision-operations.ts';
import type { Tape } from './tape.ts';
import type { Selection } from './translate.ts';

/** Both in bytes, without the scratch memory of kernels. */
export type StepMemory = {
  /** The most memory that values of one step use at the same time, including the batch. */
  readonly live: number;
  /** Weights, moving averages and slot variables. */
  readonly state: number;
};

/** Operations whose result shares the memory of their first input. */
const VIEWS: ReadonlySet<string> = new Set(['Reshape', 'Identity', 'ExpandDims', 'Squeeze', 'StopGradient']);

const bytesOf = ({ shape, dtype }: Omit<NativeTensor, 'id'>): number =>
  valueCount(shape) * (dtype === DATA_TYPE.uint8 || dtype === DATA_TYPE.bool ? 1 : 4);

/** The memory of a step of this tape: only live operations count, and bfloat16 values count half. */
export function stepMemory(tape: Tape, { live: operations, reduced }: Selection): StepMemory {
  const { owner, endingAt } = lifetimes(tape, operations);
  let now = tape.inputs.reduce((sum, one) => sum + bytesOf(one), 0);
  let live = now;
  const held = new Map<number, number>();
  for (const [index, { name, outputs }] of tape.operations.entries()) {
    if (!operations.has(index)) continue;
    for (const [position, output] of outputs.entries()) {
      if (owner(output.id) !== output.id) continue;
      const isReduced = reduced.has(index) && isTypedOutput(name, position, output.dtype);
      const bytes = bytesOf(output) / (isReduced ? 2 : 1);
      held.set(output.id, bytes);
      now += bytes;
    }
    live = Math.max(live, now);
    for (const id of endingAt(index)) now -= held.get(id) ?? 0;
  }
  return { live, state: tape.variables.reduce((sum, one) => sum + bytesOf(one), 0) };
}

/** Which value owns the memory of each value, and which owners are not needed after an operation. Results and assigned values stay. */
function lifetimes(tape: Tape, live: ReadonlySet<number>): { owner(id: number): number; endingAt(index: number): readonly number[] } {
  const owners = new Map<number, number>();
  const owner = (id: number): number => owners.get(id) ?? id;
  const last = new Map<number, number>();
  for (const [index, { name, inputIds, outputs }] of tape.operations.entries()) {
    if (!live.has(index)) continue;
    const [first] = inputIds;
    if (VIEWS.has(name) && first !== undefined) for (const { id } of outputs) owners.set(id, owner(first));
    for (const id of [...inputIds, ...outputs.map((output) => output.id)]) last.set(owner(id), index);
  }
  for (const { id } of [...tape.results.values(), ...tape.assigned.values()]) last.delete(owner(id));
  const ends = Map.groupBy(last.keys(), (id) => last.get(id) ?? 0);
  return { owner, endingAt: (index) => ends.get(index) ?? [] };
}
