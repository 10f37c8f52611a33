import { AVERAGE, AVERAGE_MOVES, type AverageSettings, WARM_UP } from '../../objective/weight-average.ts';
import type { NamedVariable } from '../variable-arrays.ts';
import { attribute, DATA_TYPE } from './graph-definition.ts';
import { T, type UpdateWriter } from './update-context.ts';

/**
 * The update of objective/weight-average.ts after a program's other updates, `moved`: each variable is read anew then, and its average moves
 * towards it in place (a step of gradient descent whose gradient is the distance). In a step that is skipped nothing changes.
 */
export function averageUpdate(variables: readonly NamedVariable[], { decay }: AverageSettings, moved: readonly string[]): UpdateWriter {
  return (context, stateful, _, variable) => {
    const { graph } = stateful;
    const [zero, one] = [context.float(0), context.float(1)];
    const moves = variable(`optimizer/${AVERAGE_MOVES}`);
    const first = graph.add('RealDiv', [context.float(WARM_UP.share), context.add(moves.read, context.float(WARM_UP.moves))], T);
    const share = context.whenFinite(graph.add('Maximum', [first, context.float(1 - decay)], T), zero);
    const done = `^${graph.add('NoOp', moved, {})}`;
    const updates = variables.map(({ name }) => {
      const average = variable(`optimizer/${AVERAGE}${name}`);
      const now = graph.add('ReadVariableOp', [variable(`model/${name}`).handle, done], { dtype: attribute.type(DATA_TYPE.float32) });
      const inputs = [average.handle, share, context.subtract(average.read, now)];
      return `^${graph.add('ResourceApplyGradientDescent', inputs, { ...T, use_locking: attribute.boolean(false) })}`;
    });
    return [...updates, stateful.assign(moves, context.add(moves.read, context.whenFinite(one, zero)))];
  };
}
