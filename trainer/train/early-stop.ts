/** The last Dice that counted as progress, and its epoch. */
export type EarlyStopState = { readonly reference: number | null; readonly referenceEpoch: number };

export type EarlyStopRule = {
  /** Epochs without progress before training stops. 0 disables early stopping. */
  readonly patience: number;
  /** How much Dice must exceed the reference to count as progress. */
  readonly minDelta: number;
};

export const EARLY_STOP_START: EarlyStopState = { reference: null, referenceEpoch: 0 };

/**
 * The state after a validation, and whether training ends now. Patience counts epochs, not validations, so its meaning does not depend on
 * `validateEvery`. A gain of at most `minDelta` can still result in a new best checkpoint, but it does not reset the patience.
 */
export function observeDice(
  state: EarlyStopState,
  epoch: number,
  dice: number,
  rule: EarlyStopRule,
): { readonly state: EarlyStopState; readonly stop: boolean } {
  if (state.reference === null || dice > state.reference + rule.minDelta) {
    return { state: { reference: dice, referenceEpoch: epoch }, stop: false };
  }
  return { state, stop: rule.patience > 0 && epoch - state.referenceEpoch >= rule.patience };
}
