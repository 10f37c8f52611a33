/** experiment.json: the resolved experiment as its stages read it, and the versions of the program that started it. */
import { type ExperimentIdentity, experimentKey, FILE } from '@carpal/configs/names.ts';
import { experimentSchema, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ArtifactStore } from './store.ts';

/** The versions that started the experiment. They are stored as annotations, so the record is a manifest that can be run again. */
export type Provenance = { readonly carpal: string; readonly node: string; readonly gitRevision?: string };

export function experimentRecordKey(experiment: ExperimentIdentity): string {
  return `${experimentKey(experiment)}/${FILE.experiment}`;
}

/** Writes experiment.json, unless the store already has it with the same content. */
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

/** The experiment in an experiment.json, or undefined if the store has none. Throws a SyntaxError or a ZodError if it cannot be read. */
export async function readExperimentRecord(store: ArtifactStore, key: string): Promise<SegmentationExperiment | undefined> {
  const bytes = await store.readIfPresent(key);
  return bytes && experimentSchema.parse(JSON.parse(bytes.toString('utf8')));
}
