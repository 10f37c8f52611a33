/** Ways to damage input, applied to the files of a test's folder. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { loadClasses } from '@carpal/configs/classes.ts';
import type { NamedArrays } from '@carpal/trainer/engine/named-arrays.ts';
import { encodeSafetensors } from '@carpal/trainer/engine/safetensors.ts';
import { buildModel } from '@carpal/trainer/models/registry.ts';
import { readWeights } from '@carpal/trainer/models/weights.ts';

const CLASSES = loadClasses('hand-bones');

/** Changes the annotation's fourth polygon, or the whole text. */
async function harmAnnotation(path: string, harm: (fourth: { label: string; points: unknown[] }) => void): Promise<void> {
  const document = JSON.parse(await readFile(path, 'utf8')) as { annotations: { label: string; points: unknown[] }[] };
  for (const fourth of document.annotations.slice(3, 4)) harm(fourth);
  await writeFile(path, JSON.stringify(document).replaceAll('"NaN"', 'NaN'));
}

async function cutShort(path: string): Promise<void> {
  await writeFile(path, (await readFile(path)).subarray(0, 3000));
}

/** A valid grey PNG of 100 megapixels, all black, in a file of some hundred kilobytes. */
async function writeHugeImage(path: string): Promise<void> {
  const side = 10_000;
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const [body, frame] = [Buffer.concat([Buffer.from(type), data]), Buffer.alloc(8)];
    frame.writeUInt32BE(data.length);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side);
  header.writeUInt32BE(side, 4);
  header[8] = 8;
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const rows = deflateSync(Buffer.alloc(side * (side + 1)), { level: 1 });
  await writeFile(path, Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]));
}

/** A submission without any bone for the test images; `rows` may drop or repeat some. */
async function writeSubmission(path: string, images: readonly string[], rows: (all: string[]) => string[] = (all) => all): Promise<void> {
  const all = images.flatMap((name) => CLASSES.map((bone) => `${name},${bone},`));
  await writeFile(path, `image_name,class,rle\n${rows(all).join('\n')}\n`);
}

/** The metadata of a weights file. */
type Claims = Partial<Record<'model' | 'options' | 'classes' | 'inputSize', string>>;

/** A weights file of an untrained SlimUNet; `claims` replaces parts of its metadata. */
async function writeWeights(path: string, claims: Claims = {}, harm: (arrays: NamedArrays) => void = () => undefined): Promise<void> {
  const options = { width: 4, depth: 3 };
  const model = buildModel({ name: 'SlimUNet', options, classes: CLASSES.length, seed: 1 });
  const metadata = { model: 'SlimUNet', options: JSON.stringify(options), classes: JSON.stringify(CLASSES), inputSize: '64', ...claims };
  const arrays = readWeights(model);
  model.dispose();
  harm(arrays);
  await writeFile(path, encodeSafetensors(arrays, metadata));
}

/**
 * The damage that can be done to a case's folder, whose data set is a copy of the one in `data`. Files of a case: a.csv, good.csv,
 * a.safetensors, …
 */
export async function harmsFor(data: string) {
  const first = async (folder: string): Promise<string> => join(folder, (await readdir(join(data, folder))).sort()[0] ?? '');
  const image = await first('train/DCM/ID002');
  const annotation = await first('train/outputs_json/ID002');
  const testImage = await first('test/DCM/ID005');
  const testImages = (await readdir(join(data, 'test/DCM/ID005'))).sort();
  const annotationOf = (folder: string): string => join(folder, 'data', annotation);
  return {
    image,
    annotation,
    jsonMissing: (folder: string) => rm(join(folder, 'data', annotation)),
    truncated: (folder: string) => cutShort(join(folder, 'data', image)),
    huge: (folder: string) => writeHugeImage(join(folder, 'data', image)),
    twoPoints: (folder: string) =>
      harmAnnotation(annotationOf(folder), (fourth) => {
        fourth.points = fourth.points.slice(0, 2);
      }),
    unknownLabel: (folder: string) =>
      harmAnnotation(annotationOf(folder), (fourth) => {
        fourth.label = 'finger-99';
      }),
    nan: (folder: string) =>
      harmAnnotation(annotationOf(folder), (fourth) => {
        fourth.points[0] = ['NaN', 4];
      }),
    noData: (folder: string) => rm(join(folder, 'data'), { recursive: true }),
    truncatedTest: async (folder: string) => {
      await writeWeights(join(folder, 'a.safetensors'));
      await cutShort(join(folder, 'data', testImage));
    },
    hugeTest: async (folder: string) => {
      await writeWeights(join(folder, 'a.safetensors'));
      await writeHugeImage(join(folder, 'data', testImage));
    },
    missingRows: async (folder: string) => {
      await writeSubmission(join(folder, 'good.csv'), testImages);
      await writeSubmission(join(folder, 'a.csv'), testImages, (all) => all.slice(0, -3));
    },
    doubledRows: async (folder: string) => {
      await writeSubmission(join(folder, 'good.csv'), testImages);
      await writeSubmission(join(folder, 'a.csv'), testImages, (all) => [...all, ...all.slice(0, 2)]);
    },
    weights: (claims: Claims) => (folder: string) => writeWeights(join(folder, 'a.safetensors'), claims),
    twoWeights: (claims: Claims) => async (folder: string) => {
      await writeWeights(join(folder, 'a.safetensors'));
      await writeWeights(join(folder, 'b.safetensors'), claims);
    },
    weightsNaN: (folder: string) =>
      writeWeights(join(folder, 'a.safetensors'), {}, (arrays) => {
        for (const { data: values } of arrays.values()) values[0] = Number.NaN;
      }),
    thresholdsOutside: async (folder: string) => {
      await writeWeights(join(folder, 'a.safetensors'));
      const entries = CLASSES.map((bone) => [bone, { threshold: bone === 'Radius' ? 1.2 : 0.5, cleaning: 'none' }]);
      await writeFile(join(folder, 'thresholds.json'), JSON.stringify(Object.fromEntries(entries)));
    },
    fileInTheWay: (name: string) => (folder: string) => writeFile(join(folder, name), 'mine'),
    weightsCutShort: async (folder: string) => {
      await writeWeights(join(folder, 'a.safetensors'));
      await cutShort(join(folder, 'a.safetensors'));
    },
  };
}

export type Harms = Awaited<ReturnType<typeof harmsFor>>;
