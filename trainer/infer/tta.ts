import type { TtaName } from '@carpal/configs/schema/experiment.ts';

/** Whether a view of the image is mirrored left to right, and top to bottom. */
type Mirror = { readonly leftRight: boolean; readonly topBottom: boolean };

const MIRRORS = {
  identity: { leftRight: false, topBottom: false },
  flipHorizontal: { leftRight: true, topBottom: false },
  flipVertical: { leftRight: false, topBottom: true },
} as const satisfies Partial<Record<TtaName, Mirror>>;

/** A view whose pixels are those of the image, in another order at most. */
export type MirrorName = keyof typeof MIRRORS;

/** Whether all views are mirrors. */
export function areMirrors(views: readonly TtaName[]): views is readonly MirrorName[] {
  return views.every((view) => view in MIRRORS);
}

/**
 * [size, size, channels] as the named view shows it. Each view undoes itself, and sheets lie centred in the square, so the same call puts
 * the logits of a mirrored image back on the image. Bones are side-free classes: no labels change places.
 */
export function mirrored(values: Float32Array, size: number, channels: number, view: MirrorName): Float32Array {
  const { leftRight, topBottom } = MIRRORS[view];
  if (!leftRight && !topBottom) return values;
  const out = new Float32Array(values.length);
  for (let y = 0; y < size; y++) {
    const row = (topBottom ? size - 1 - y : y) * size;
    for (let x = 0; x < size; x++) {
      const from = (row + (leftRight ? size - 1 - x : x)) * channels;
      const to = (y * size + x) * channels;
      for (let channel = 0; channel < channels; channel++) out[to + channel] = values[from + channel] as number;
    }
  }
  return out;
}
