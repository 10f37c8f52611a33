import type { Point } from './outline.ts';

/**
 * The bones of a right hand seen with the palm on the detector: millimetres, x from the thumb's side toward the little finger's, y toward
 * the fingertips, origin in the middle of the capitate, for a person of middle size. Lengths and widths follow common adult
 * measurements; mean areas and their spread follow the statistics of the hand-bone data set.
 */

/** Sheet units in a millimetre for a person of middle size; a sheet measures 2048 units a side. */
export const UNITS_PER_MILLIMETRE = 7.1;

/** A bone's mean area in square sheet units, and how much of its own a person's bone differs beside the size of the hand (log scale). */
export type AreaLaw = { readonly mean: number; readonly spread: number };

/** Where the wrist turns: the head of the capitate. */
export const WRIST_PIVOT: Point = [0, -10];

/** The side of a sheet in sheet units: at 2048 pixels a unit is a pixel, other sizes scale. */
export const IMAGE_UNITS = 2048;
