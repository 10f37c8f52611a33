import type { InferenceSpec, TtaName } from '@carpal/configs/schema/experiment.ts';

/** Windows of size² at a stride, cut from the sheet fitted to sheetSize². */
export type WindowSpec = {
  readonly size: number;
  readonly stride: number;
  readonly weights: 'uniform' | 'gaussian';
  readonly sheetSize: number;
};

/** How networks look at an image: which views, and whether through windows. */
export type Viewing = {
  readonly views: readonly TtaName[];
  /** How far rotateLeft and rotateRight turn. */
  readonly degrees: number;
  /** By what share scaleDown and scaleUp change the size. */
  readonly scale: number;
  readonly window?: WindowSpec;
};

/** What a manifest's `inference` says of it. A window without a sheet's size is cut from a sheet of twice its own. */
export function viewingOf({ tta, ttaDegrees, ttaScale, window }: InferenceSpec): Viewing {
  const views = { views: tta, degrees: ttaDegrees, scale: ttaScale };
  return window ? { ...views, window: { ...window, sheetSize: sheetSizeOf(window) } } : views;
}

/** The side of the square that windows are cut from. */
export function sheetSizeOf(window: NonNullable<InferenceSpec['window']>): number {
  return window.sheetSize ?? 2 * window.size;
}

/** The side of the square that an image must be fitted to for a network of this input size. */
export function squareSizeOf({ window }: Viewing, inputSize: number): number {
  return window?.sheetSize ?? inputSize;
}
