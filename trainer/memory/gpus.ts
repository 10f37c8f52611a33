/** The GPUs that a process was given, by what NVIDIA's driver says in files: no library need be loaded, and no program run. */
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const LONGEST = 256;

type Gpu = { readonly model: string; readonly minor: string };

/** A GPU of the driver's file about it; undefined where it says less. */
export function parseGpu(information: string): Gpu | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(\\S.*?)\\s*$`, 'm').exec(information)?.[1];
  const model = field('Model');
  const minor = field('Device Minor');
  return model === undefined || minor === undefined ? undefined : { model, minor };
}

/** Models in words: `2 × Tesla V100-SXM2-16GB, NVIDIA L4`; undefined for none. */
export function gpusInWords(models: readonly string[]): string | undefined {
  const words = Array.from(
    Map.groupBy(models, (model) => model),
    ([model, { length }]) => (length === 1 ? model : `${length} × ${model}`),
  );
  return words.length === 0 ? undefined : words.join(', ').slice(0, LONGEST);
}

/**
 * The GPUs whose devices this process has: a container sees the files of all of its node. In words, since they are for people; undefined where
 * there is none, or no driver to tell.
 */
export async function readGpus(root = '/'): Promise<string | undefined> {
  const folder = join(root, 'proc/driver/nvidia/gpus');
  const names = await readdir(folder).catch(() => []);
  const gpus = await Promise.all(
    names.toSorted().map(async (name) => {
      const gpu = parseGpu(await readFile(join(folder, name, 'information'), 'utf8').catch(() => ''));
      const device = join(root, 'dev', `nvidia${gpu?.minor}`);
      return await access(device).then(
        () => gpu,
        () => undefined,
      );
    }),
  );
  return gpusInWords(gpus.flatMap((gpu) => gpu?.model ?? []));
}
