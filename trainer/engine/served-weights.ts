import { AVERAGE } from '../objective/weight-average.ts';
import { type NamedArrays, withPrefix } from './named-arrays.ts';

const MODEL = 'model/';

/** The weights that validate and predict, under the names `model/…`: those of the moving average where the state holds one. */
export function servedWeights(state: NamedArrays): NamedArrays {
  const own = withPrefix(state, MODEL);
  return new Map([...own].map(([name, array]) => [name, state.get(`optimizer/${AVERAGE}${name.slice(MODEL.length)}`) ?? array]));
}
