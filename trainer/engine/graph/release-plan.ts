/**
 * Eager differentiation keeps every intermediate until its end, a graph frees each after its last use. A recording that knows from an earlier
 * one when that is can free as the graph will, so recording a step takes no more memory than running it.
 */
import type { Tape } from './tape.ts';

/** For an operation's index: which outputs, by operation and position, nobody needs after it. The names guard against another program. */
export type ReleasePlan = {
  readonly names: readonly string[];
  readonly after: ReadonlyMap<number, readonly { readonly operation: number; readonly output: number }[]>;
};

/** When the values on a tape are used for the last time. Results and assigned values are not freed at all. */
export function releasePlan(tape: Tape): ReleasePlan {
  const kept = new Set([...tape.results.values(), ...tape.assigned.values()].map(({ id }) => id));
  const lastUse = new Map<number, number>();
  for (const [index, { inputIds, outputs }] of tape.operations.entries()) {
    for (const id of [...inputIds, ...outputs.map((output) => output.id)]) lastUse.set(id, index);
  }
  const after = new Map<number, { operation: number; output: number }[]>();
  for (const [operation, { outputs }] of tape.operations.entries()) {
    for (const [output, { id }] of outputs.entries()) {
      const last = lastUse.get(id);
      if (last === undefined || kept.has(id)) continue;
      after.set(last, [...(after.get(last) ?? []), { operation, output }]);
    }
  }
  return { names: tape.operations.map(({ name }) => name), after };
}
