import { type NamedArrays, withPrefix } from '../engine/named-arrays.ts';
import { AVERAGE } from '../objective/weight-average.ts';

const MODEL = 'model/';

/** The weights for validation and prediction, named `model/…`: those of the moving average if the state has one, else the trained ones. */
export function evalWeights(state: NamedArrays): NamedArrays {
  const own = withPrefix(state, MODEL);
  return new Map([...own].map(([name, array]) => [name, state.get(`optimizer/${AVERAGE}${name.slice(MODEL.length)}`) ?? array]));
}
