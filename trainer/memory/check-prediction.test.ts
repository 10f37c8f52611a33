import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../engine/safetensors.ts';
import { type Network, openNetworks } from '../infer/networks.ts';
import { predict } from '../infer/predict.ts';
import type { Viewing } from '../infer/views.ts';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import { checkPredictionFits, predictionNeedMb } from './check-prediction.ts';
import { PROCESS_MB } from './estimate.ts';

const MB = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'carpal-prediction-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const classes = Array.from({ length: 8 }, (_, index) => `bone-${index}`);
const identity: Viewing = { views: ['identity'], degrees: 10, scale: 0.25 };
const flipped: Viewing = { ...identity, views: ['identity', 'flipHorizontal'] };
let opened: Network[] = [];

/** The weights file of a small network for images of this size. */
function weights(inputSize: number, imageSize = inputSize): { path: string; weight: number } {
  const options = { width: 4, depth: 2 };
  const model = buildModel({ name: 'SlimUNet', options, classes: classes.length, seed: 1 });
  const path = join(folder, `${inputSize}-${imageSize}.safetensors`);
  const facts = { model: 'SlimUNet', options: JSON.stringify(options), classes: JSON.stringify(classes) };
  writeFileSync(path, encodeSafetensors(readWeights(model), { ...facts, inputSize: String(inputSize), imageSize: String(imageSize) }));
  model.dispose();
  return { path, weight: 1 };
}

beforeAll(async () => {
  opened = await openNetworks([weights(512), weights(1024), weights(512, 1024)]);
});
afterAll(() => {
  for (const network of opened) network.dispose();
});

describe('the memory that prediction needs', () => {
  const need = (networks: readonly Network[], viewing: Viewing): number => predictionNeedMb(networks, viewing, false);

  it('hardly grows with the number of networks, because they run one after the other into one mean', () => {
    const [, large] = opened as [Network, Network];
    const two = need([large, large], flipped);
    const seven = need(
      Array.from({ length: 7 }, () => large),
      flipped,
    );
    expect(two).toBeGreaterThan(PROCESS_MB + 2 * 32);
    expect(seven - two).toBeLessThan(1);
  });

  it('grows with the image and its views, and is smaller through windows', () => {
    const [small, large, crops] = opened as [Network, Network, Network];
    expect(need([small], identity)).toBeLessThan(need([large], identity));
    expect(need([large], identity)).toBeLessThan(need([large], { ...identity, views: ['identity', 'scaleUp'] }));
    expect(need([crops], identity)).toBeLessThan(need([large], flipped) + 3 * 8);
    expect(need([large], { ...identity, window: { size: 256, stride: 128, weights: 'gaussian' } })).toBeLessThan(need([large], identity));
  });

  it('counts no activations on a GPU, which has its own memory', () => {
    expect(predictionNeedMb(opened.slice(1, 2), identity, true)).toBeCloseTo(PROCESS_MB + 32, 6);
  });
});

describe('predict near its limit', () => {
  const images = join(folder, 'image.png');
  const predictWith = (limitMb: number, out: string) =>
    predict({
      weights: [weights(512), weights(1024)],
      method: 'soft',
      images: folder,
      out,
      thresholds: 0.5,
      viewing: flipped,
      checkMemory: (networks, viewing) => checkPredictionFits(networks, viewing, { bytes: limitMb * MB, from: 'the control group' }),
    });

  it('predicts if memory is just sufficient, and names what is missing before the first image otherwise', async () => {
    await sharp({ create: { width: 300, height: 200, channels: 3, background: '#556655' } })
      .png()
      .toFile(images);
    const neededMb = predictionNeedMb(opened.slice(0, 2), flipped, false);
    const out = join(folder, 'out.csv');
    await expect(predictWith(neededMb - 1, out)).rejects.toMatchObject({
      code: 'memory-too-small',
      exit: 78,
      message: expect.stringMatching(
        /^predicting with 2 networks needs about 0\.\d+ GB of memory; the limit is 0\.\d+ GB \(the control group\)$/,
      ),
    });
    expect(await predictWith(neededMb + 1, out)).toMatchObject({ images: 1 });
  });
});
