/** What early stopping remembers: the last Dice that counted as progress, and the epoch it came in. */
export type EarlyStopState = { readonly reference: number | null; readonly referenceEpoch: number };

export type EarlyStopRule = {
  /** Epochs without progress before training stops; 0 never stops early. */
  readonly patience: number;
  /** How far Dice must rise above the reference to count as progress. */
  readonly minDelta: number;
};

export const EARLY_STOP_START: EarlyStopState = { reference: null, referenceEpoch: 0 };

/**
 * The state after a validation, and whether training ends here. Patience is counted in epochs, not in validations, so it means the same
 * whatever `validateEvery` is. Small gains below `minDelta` may still make a better best checkpoint; they only do not renew patience.
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
