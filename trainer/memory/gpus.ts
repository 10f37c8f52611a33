/** The GPUs of a process, read from files of NVIDIA's driver, without loading a library or running a program. */
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const MAX_LENGTH = 256;

type Gpu = { readonly model: string; readonly minor: string };

/** The GPU that a driver's `information` file describes. Undefined if fields are missing. */
export function parseGpu(information: string): Gpu | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(\\S.*?)\\s*$`, 'm').exec(information)?.[1];
  const model = field('Model');
  const minor = field('Device Minor');
  return model === undefined || minor === undefined ? undefined : { model, minor };
}

/** A list of models with counts: `2 × Tesla V100-SXM2-16GB, NVIDIA L4`. Undefined for an empty list. */
export function gpuList(models: readonly string[]): string | undefined {
  const counted = Array.from(
    Map.groupBy(models, (model) => model),
    ([model, { length }]) => (length === 1 ? model : `${length} × ${model}`),
  );
  return counted.length === 0 ? undefined : counted.join(', ').slice(0, MAX_LENGTH);
}

/**
 * The GPUs whose devices this process can access, as text for people. A container sees the driver's files of all GPUs of its node, but only
 * its own devices. Undefined without a GPU or a driver.
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
  return gpuList(gpus.flatMap((gpu) => gpu?.model ?? []));
}
