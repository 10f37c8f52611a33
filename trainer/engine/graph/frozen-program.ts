import type { NamedArrays } from '../named-arrays.ts';
import { attribute, DATA_TYPE, GraphDefinition, type Signature, type SignatureTensor } from './graph-definition.ts';
import { selection } from './programs.ts';
import type { Tape } from './tape.ts';
import { translate } from './translate.ts';

/**
 * The bytes of a `saved_model.pb` that computes a recorded program in float32. The variables that the program reads are constants with the
 * values in `weights`, so the file needs no other file. Its signature `serving_default` has the program's inputs and results under their
 * own names. Throws an Error if a variable has no value, or if the program assigns variables.
 */
export function frozenProgram(tape: Tape, weights: NamedArrays): Buffer {
  if (tape.assigned.size > 0) throw new Error('a program that assigns variables cannot be frozen');
  const graph = new GraphDefinition();
  const leaves = new Map<number, string>();
  const inputs: Record<string, SignatureTensor> = {};
  for (const { name, id, shape, dtype } of tape.inputs) {
    const node = graph.add('Placeholder', [], { dtype: attribute.type(dtype), shape: attribute.shape(shape) }, name);
    leaves.set(id, node);
    inputs[name] = { node, dataType: dtype, shape };
  }
  for (const { name, id, shape } of tape.variables) {
    const array = weights.get(name);
    if (!array) throw new Error(`variable "${name}" has no value`);
    const { buffer, byteOffset, byteLength } = array.data;
    leaves.set(id, graph.constant(DATA_TYPE.float32, shape, new Uint8Array(buffer, byteOffset, byteLength), name));
  }
  const reference = translate(graph, tape, leaves, selection(tape, 'float32'));
  const outputs: Signature['outputs'] = Object.fromEntries(
    [...tape.results].map(([name, { id, dtype, shape }]) => {
      const node = graph.add('Identity', [reference(id)], { T: attribute.type(dtype) }, name);
      return [name, { node, dataType: dtype, shape }];
    }),
  );
  return graph.savedModel({ inputs, outputs });
}
