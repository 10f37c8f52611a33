import type { Point } from './outline.ts';

/**
 * The bones of a right hand with the palm on the detector: millimetres, x from the thumb's side to the little finger's, y to the
 * fingertips, origin in the middle of the capitate, for a person of average size. Lengths and widths follow common adult measurements; mean
 * areas and their spread follow the statistics of the hand-bone data set.
 */

/** Image units per millimetre for a person of average size. */
export const UNITS_PER_MILLIMETRE = 7.1;

/**
 * The mean area of a bone in square image units, and how much a person's bone differs independently of the size of the hand (log scale).
 */
export type AreaLaw = { readonly mean: number; readonly spread: number };

/** The centre of rotation of the wrist: the head of the capitate. */
export const WRIST_PIVOT: Point = [0, -10];

/** The side of an image in image units. At 2048 pixels a unit is a pixel; other sizes scale. */
export const IMAGE_UNITS = 2048;
