/**
 * How much memory a step will hold, foretold from tapes of the same step at two small sizes: a value's bytes grow with the size by a power
 * that two sizes tell (0 for weights and their gradients, 2 for activations, 4 for attention between all places), and with the batch where
 * they grow at all. Which of them live at the same time is on the tape.
 */
import { valueCount } from '../named-arrays.ts';
import { DATA_TYPE } from './graph-definition.ts';
import type { NativeTensor } from './native-binding.ts';
import type { Tape } from './tape.ts';

/** Both in bytes. What kernels need beside their results is not in it. */
export type StepMemory = {
  /** The most that values of one step hold at the same time, the batch among them. */
  readonly live: number;
  /** Weights, moving averages and the optimizer's slots. */
  readonly state: number;
};

/** A step taped with one image of this size. */
export type SizedTape = { readonly tape: Tape; readonly size: number };

/** Operations whose result is their first input's memory. */
const VIEWS: ReadonlySet<string> = new Set(['Reshape', 'Identity', 'ExpandDims', 'Squeeze', 'StopGradient']);

const bytesOf = ({ shape, dtype }: Omit<NativeTensor, 'id'>): number =>
  valueCount(shape) * (dtype === DATA_TYPE.uint8 || dtype === DATA_TYPE.bool ? 1 : 4);

/** A function from batch and size to memory. The tapes must be of one program, the second at a larger size than the first. */
export function stepMemory(small: SizedTape, large: SizedTape): (count: number, size: number) => StepMemory {
  const ratio = large.size / small.size;
  const growth = (one: Omit<NativeTensor, 'id'>, other: Omit<NativeTensor, 'id'> | undefined): Growth => {
    const bytes = bytesOf(one);
    const power = other === undefined || bytes === 0 ? 0 : Math.round(Math.log(bytesOf(other) / bytes) / Math.log(ratio));
    return { bytes, power };
  };
  const { tape } = small;
  const lives = lifetimes(tape);
  const outputs = tape.operations.map(({ outputs: made }, index) =>
    made.map((one, position) => ({ id: one.id, ...growth(one, large.tape.operations[index]?.outputs[position]) })),
  );
  const inputs = tape.inputs.map((one, index) => growth(one, large.tape.inputs[index]));
  const state = tape.variables.reduce((sum, one) => sum + bytesOf(one), 0);
  return (count, size) => {
    const scaled = ({ bytes, power }: Growth): number => bytes * (size / small.size) ** power * (power > 0 ? count : 1);
    let now = inputs.reduce((sum, one) => sum + scaled(one), 0);
    let most = now;
    const held = new Map<number, number>();
    for (const [index, made] of outputs.entries()) {
      for (const { id, ...grown } of made) {
        if (lives.owner(id) !== id) continue;
        held.set(id, scaled(grown));
        now += scaled(grown);
      }
      most = Math.max(most, now);
      for (const id of lives.endingAt(index)) now -= held.get(id) ?? 0;
    }
    return { live: most, state };
  };
}

type Growth = { readonly bytes: number; readonly power: number };

/** Who owns the memory of each value, and which owners nobody needs after an operation. Results and assigned values live on. */
function lifetimes(tape: Tape): { owner(id: number): number; endingAt(index: number): readonly number[] } {
  const owners = new Map<number, number>();
  const owner = (id: number): number => owners.get(id) ?? id;
  const last = new Map<number, number>();
  for (const [index, { name, inputIds, outputs }] of tape.operations.entries()) {
    const [first] = inputIds;
    if (VIEWS.has(name) && first !== undefined) for (const { id } of outputs) owners.set(id, owner(first));
    for (const id of [...inputIds, ...outputs.map((output) => output.id)]) last.set(owner(id), index);
  }
  for (const { id } of [...tape.results.values(), ...tape.assigned.values()]) last.delete(owner(id));
  const ends = Map.groupBy(last.keys(), (id) => last.get(id) ?? 0);
  return { owner, endingAt: (index) => ends.get(index) ?? [] };
}
