/** experiment.json: the resolved experiment as the stages read it, with what it was run by. */

import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { type ExperimentIdentity, experimentKey, FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';

/** What the experiment was started with; kept as annotations, so that the record is a manifest that can be run again. */
export type Provenance = { readonly carpal: string; readonly node: string; readonly gitRevision?: string };

export function experimentRecordKey(experiment: ExperimentIdentity): string {
  return `${experimentKey(experiment)}/${FILE.experiment}`;
}

/** Writes experiment.json, unless it is there already with the same content. */
export async function writeExperimentRecord(
  store: ArtifactStore,
  experiment: SegmentationExperiment,
  provenance: Provenance,
): Promise<void> {
  const annotations = {
    ...experiment.metadata.annotations,
    'carpal.dev/version': provenance.carpal,
    'carpal.dev/node': provenance.node,
    'carpal.dev/seed': String(experiment.spec.training.seed),
    ...(provenance.gitRevision === undefined ? {} : { 'carpal.dev/git-revision': provenance.gitRevision }),
  };
  const record = { ...experiment, metadata: { ...experiment.metadata, annotations } };
  const text = `${JSON.stringify(record, null, 2)}\n`;
  const key = experimentRecordKey(experiment);
  const before = await store.readIfPresent(key);
  if (before?.toString('utf8') !== text) await store.write(key, text);
}
