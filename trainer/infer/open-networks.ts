import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import { messageOf } from '@carpal/configs/message-of.ts';
import { readBestWeights } from './fold-networks.ts';
import { checkSameClasses, type Network, openNetwork } from './network.ts';

/** Weights to vote with: a file, or the folder of an experiment, which stands for the best weights of its folds, each of this weight. */
export type WeightsChoice = { readonly path: string; readonly weight: number };

/**
 * The networks of all weights chosen, of any size and architecture, in their order. Throws what openNetwork and openFoldNetworks throw,
 * usage-invalid where nothing is chosen, weights-invalid where there is no such file, weights-mismatch where networks have other classes than the first.
 */
export async function openNetworks(choices: readonly WeightsChoice[]): Promise<[Network, ...Network[]]> {
  const networks: Network[] = [];
  try {
    for (const { path, weight } of choices) {
      for await (const { bytes, where } of weightsOf(path)) networks.push({ ...openNetwork(bytes, where), weight });
    }
    checkSameClasses(networks);
    const [first, ...others] = networks;
    if (!first) throw new CarpalError('usage-invalid', 'no weights are given', { where: '--weights' });
    return [first, ...others];
  } catch (error) {
    for (const network of networks) network.dispose();
    throw error;
  }
}

/** One after another: only the networks stay in memory, not the files. */
async function* weightsOf(path: string): AsyncGenerator<{ bytes: Buffer; where: string }> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) yield* foldWeights(path);
  else yield { bytes: await readWeightsFile(path), where: path };
}

async function* foldWeights(folder: string): AsyncGenerator<{ bytes: Buffer; where: string }> {
  const store = openStore(folder);
  const folds = new Set((await store.list('folds')).flatMap(({ key }) => /^folds\/(\d+)\//.exec(key)?.[1] ?? []).map(Number));
  if (folds.size === 0) {
    const fix = "Give a best.safetensors, or the folder of an experiment's artifacts, which holds folds/0, folds/1, …";
    throw new CarpalError('weights-invalid', 'the folder holds no folds', { where: folder, fix });
  }
  for (const fold of [...folds].sort((a, b) => a - b)) {
    const { bytes, where } = await readBestWeights(store, `folds/${fold}/`, fold);
    yield { bytes, where: join(folder, where) };
  }
}

async function readWeightsFile(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    const reason = messageOf(cause);
    const what = systemErrorCode(cause) === 'ENOENT' ? 'there is no such file' : `the file cannot be read: ${reason}`;
    throw new CarpalError('weights-invalid', what, { where: path, cause });
  });
}
