import type { ModelName } from '@carpal/configs/schema/experiment.ts';

/** What is to be known of a network's comparison: where the two sides make the same numbers by different work. */
export const STEP_NOTES: Readonly<Partial<Record<ModelName, string>>> = {
  SegFormer:
    "carpal multiplies each projection of the decoder with its part of the fusion into one matrix, which gives the same numbers by less work; the peer runs them one after the other, as SegFormer's authors do",
};
