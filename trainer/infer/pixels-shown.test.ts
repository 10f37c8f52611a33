import { TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import { expect, it } from 'vitest';
import { imageLogits } from './image-logits.ts';
import { nextTurn } from './pause.ts';
import { pixelsShown } from './pixels-shown.ts';
import { pixelwiseNetwork, waves } from './testing/pixelwise-network.ts';
import type { Viewing } from './viewing.ts';

const WINDOW = { size: 16, stride: 8, weights: 'gaussian', sheetSize: 40 } as const;

it.each<[string, Pick<Viewing, 'views' | 'window'>]>([
  ['the default views', { views: ['identity', 'flipHorizontal'] }],
  ['every view', { views: [...TTA_NAMES] }],
  ['windows', { views: ['identity'], window: WINDOW }],
  ['windows in every view', { views: [...TTA_NAMES], window: WINDOW }],
])('counts the pixels that a network is shown in %s', async (_, look) => {
  const network = pixelwiseNetwork(48, 1, 16);
  const viewing = { degrees: 10, scale: 0.3, ...look };
  await imageLogits(network, viewing, { width: 60, height: 60, squareOf: (size) => waves(size, 1) }, 1, nextTurn);
  const shown = network.runs.reduce((sum, { count, size }) => sum + count * size * size, 0);
  expect(pixelsShown(network, viewing)).toBe(shown);
});
