import { attribute, DATA_TYPE } from '../engine/graph/graph-definition.ts';
import { T, type UpdateNodes } from '../engine/graph/update-nodes.ts';
import { runKernel, typeAttribute } from '../engine/kernels.ts';
import { type NamedArrays, withPrefix } from '../engine/named-arrays.ts';
import { type Tensor, tf } from '../engine/tensorflow.ts';
import { type NamedVariable, SlotVariables } from '../engine/variables.ts';

/** An experiment's `training.ema`; a decay of 0 keeps no average. */
export type AverageSettings = { readonly decay: number };

/** Slots of the average are named `average/<variable>`, and the number of its updates `averageMoves`. */
export const AVERAGE = 'average/';
const MOVES = 'averageMoves';

/** After t updates, the average moves by a share of 9 / (10 + t) towards the current weights, and by at least 1 − decay. */
const WARM_UP = { share: 9, moves: 10 } as const;

/** A moving average of weights, and of the averages that batch normalisation keeps. */
export type WeightAverage = {
  /**
   * Writes the update of the average with the variables' values after the optimizer's update; `moved` are the control references of the
   * optimizer's update. Returns the control references.
   */
  write(nodes: UpdateNodes, moved: readonly string[]): string[];
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/**
 * The exponential moving average (Polyak) as TensorFlow computes it: a ← a − s·(a − w) after every update of the weights. s is large at
 * first, so the random initial weights soon have no influence, whatever the decay. The average starts with the variables' current values
 * and does not change in a skipped step.
 */
export function createWeightAverage(variables: readonly NamedVariable[], { decay }: AverageSettings): WeightAverage {
  const slots = new SlotVariables();
  slots.add(MOVES, tf.scalar(0));
  // Identity, not a clone: a recording distinguishes variables by their native tensors.
  const copy = (variable: Tensor): Tensor => runKernel('Identity', [typeAttribute('T')], [variable]);
  for (const { name, variable } of variables) slots.add(`${AVERAGE}${name}`, copy(variable));
  return {
    write: (nodes, moved) => {
      const { graph } = nodes;
      const [zero, one] = [nodes.float(0), nodes.float(1)];
      const moves = nodes.variable(`optimizer/${MOVES}`);
      const first = graph.add('RealDiv', [nodes.float(WARM_UP.share), nodes.add(moves.read, nodes.float(WARM_UP.moves))], T);
      const share = nodes.whenFinite(graph.add('Maximum', [first, nodes.float(1 - decay)], T), zero);
      const done = `^${graph.add('NoOp', moved, {})}`;
      const updates = variables.map(({ name }) => {
        const average = nodes.variable(`optimizer/${AVERAGE}${name}`);
        // The variable is read again, after the optimizer's update. A gradient descent step along average − weights updates the average in
        // place.
        const now = graph.add('ReadVariableOp', [nodes.variable(`model/${name}`).handle, done], {
          dtype: attribute.type(DATA_TYPE.float32),
        });
        const inputs = [average.handle, share, nodes.subtract(average.read, now)];
        return `^${graph.add('ResourceApplyGradientDescent', inputs, { ...T, use_locking: attribute.boolean(false) })}`;
      });
      return [...updates, nodes.assign(moves, nodes.add(moves.read, nodes.whenFinite(one, zero)))];
    },
    slots: slots.all,
    dispose: () => slots.dispose(),
  };
}

const MODEL = 'model/';

/** The weights for validation and prediction, named `model/…`: those of the moving average if the state has one, else the trained ones. */
export function evalWeights(state: NamedArrays): NamedArrays {
  const own = withPrefix(state, MODEL);
  return new Map([...own].map(([name, array]) => [name, state.get(`optimizer/${AVERAGE}${name.slice(MODEL.length)}`) ?? array]));
}
