/** torchvision's names of ConvNeXt (models/layers/convnext.ts). */
import type { ModuleName } from './pytorch-arrays.ts';

/** Positions in the sequence of a block: of a layer, and of the normalisation after it. */
const PARTS: Readonly<Record<string, readonly [layer: number, normalisation?: number]>> = { depthwise: [0, 2], widen: [3], narrow: [5] };

/**
 * torchvision has one list: the stem, the first stage, and a sequence that shrinks before each other stage. The factor of a block belongs to
 * the block itself.
 */
export const convNextModule: ModuleName = (module, normalises) => {
  if (module === 'encoder/stem') return `features.0.${normalises ? 1 : 0}`;
  const [, stage, place = '', part] = /^encoder\/stage(\d)\/(\w+)(?:\/(\w+))?$/.exec(module) ?? [];
  const before = 2 * (Number(stage) - 1);
  if (place === 'shrink') return `features.${before}.${normalises ? 0 : 1}`;
  if (stage === undefined) return undefined;
  const block = `features.${before + 1}.${Number(place) - 1}`;
  if (part === undefined) return block;
  const position = PARTS[part]?.[normalises ? 1 : 0];
  return position === undefined ? undefined : `${block}.block.${position}`;
};
