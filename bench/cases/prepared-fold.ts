import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import { foldKey } from '@carpal/configs/names.ts';
import { runPrepare } from '@carpal/trainer/stages/prepare.ts';
import { CARPAL } from '../harness/processes.ts';

/** A fold that is ready to be trained. */
export type PreparedFold = {
  readonly store: ArtifactStore;
  /** The key under which the fold writes its artifacts. */
  readonly key: string;
  /** The command that trains it, as its own process. */
  readonly command: readonly string[];
};

/**
 * Prepares fold 0 of an experiment on phantoms. The store in `scratch` keeps the prepared data set; artifacts of an earlier fold are
 * removed.
 */
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
  return { store, key, command: [...CARPAL, 'fold', '--fold', '0', '--experiment', manifest, '--artifacts', root] };
}
