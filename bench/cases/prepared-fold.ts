import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import { foldKey } from '@carpal/configs/names.ts';
import { runPrepare } from '@carpal/trainer/stages/prepare.ts';
import { CARPAL } from '../harness/carpal-words.ts';

/** A fold that can be trained at once. */
export type PreparedFold = {
  readonly store: ArtifactStore;
  /** What the fold leaves lies under it. */
  readonly key: string;
  /** The words that train it, as a process of its own. */
  readonly words: readonly string[];
};

/** Prepares fold 0 of an experiment on phantoms, in a store under `scratch` that keeps what is prepared; what an earlier fold left is removed. */
export async function prepareFold(
  { scratch, phantoms }: { readonly scratch: string; readonly phantoms: string },
  name: string,
  { dataset, ...spec }: { readonly dataset: object; readonly [part: string]: unknown },
): Promise<PreparedFold> {
  const root = join(scratch, name);
  const manifest = join(scratch, `${name}.json`);
  const head = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', metadata: { name } };
  await writeFile(manifest, JSON.stringify({ ...head, spec: { dataset: { uri: phantoms, ...dataset }, ...spec } }));
  const experiment = loadExperiment(manifest);
  const store = openStore(root);
  await runPrepare({ experiment, store, clock: Date.now });
  const key = foldKey(experiment, 0);
  await store.remove(key);
  return { store, key, words: [...CARPAL, 'fold', '--fold', '0', '--experiment', manifest, '--artifacts', root] };
}
