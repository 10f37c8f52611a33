/** How ReduceLROnPlateau behaves. `patience` and `cooldown` count validations. */
export type PlateauSettings = {
  readonly factor: number;
  readonly patience: number;
  /** A loss is better when it is below best·(1 − threshold). */
  readonly threshold: number;
  readonly cooldown: number;
  readonly minLearningRate: number;
};

/** What ReduceLROnPlateau remembers; plain JSON. */
export type PlateauState = { rate: number; best: number | null; bad: number; cooling: number };

/** A smaller change of the rate is not made (PyTorch's eps). */
const LEAST_CHANGE = 1e-8;

/** The state after one more validation loss, as in PyTorch's ReduceLROnPlateau in its modes `min` and `rel`. */
export function observePlateau(state: PlateauState, loss: number, settings: PlateauSettings): PlateauState {
  const better = loss < (state.best ?? Number.POSITIVE_INFINITY) * (1 - settings.threshold);
  const best = better ? loss : state.best;
  const cooling = Math.max(0, state.cooling - 1);
  // While it cools, no validation counts as bad.
  const bad = better || state.cooling > 0 ? 0 : state.bad + 1;
  if (bad <= settings.patience) return { rate: state.rate, best, bad, cooling };
  const lower = Math.max(state.rate * settings.factor, settings.minLearningRate);
  return { rate: state.rate - lower > LEAST_CHANGE ? lower : state.rate, best, bad: 0, cooling: settings.cooldown };
}
