/** What can be run of each experiment, asked once for each generation: a judgement reads a whole manifest, and a status changes many times. */
import { type Judgement, judgeManifest } from '@carpal/configs/crd/judge-manifest.ts';
import type { ExperimentStatus } from '@carpal/configs/experiment-status.ts';
import { formatPath } from '@carpal/configs/finding.ts';
import { keyOf } from '@carpal/kubernetes/api/object-key.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { hasBegun } from '../experiment/stages.ts';
import { type Runnable, runnable } from './begun-experiment.ts';
import type { ExperimentObject } from './experiment-object.ts';

export type Judgements = {
  /** What can be run of the object, whose status is this. The metadata in it is of the first look, but for the generation. */
  of(object: ExperimentObject, status: ExperimentStatus | undefined): Runnable;
  /** The experiment has come to its end, or is gone. */
  forget(uid: string): void;
};

/** What can be run of an experiment of this generation before it has begun, and from then on. */
type Known = { readonly generation: number | undefined; readonly fresh: Runnable; readonly begun: Runnable };

/** Judgements by the class lists of these names. What a person may wonder at is logged, once for each generation. */
export function createJudgements(classLists: readonly string[], log: Log): Judgements {
  const all = new Map<string | undefined, Known>();
  const tell = (object: ExperimentObject, status: ExperimentStatus | undefined, judgement: Judgement): void => {
    const experiment = keyOf(object.metadata);
    if (!('findings' in judgement)) {
      const fields = judgement.unknown.map(formatPath);
      if (fields.length > 0) log.info({ experiment, fields }, 'fields of a newer definition are passed over');
      return;
    }
    if (!hasBegun(status)) return;
    const mistakes = judgement.findings.map(({ path, message }) => `${formatPath(path)} ${message}`);
    log.warn({ experiment, mistakes }, 'the manifest breaks rules that are stricter than those it began under');
  };
  const judge = (object: ExperimentObject, status: ExperimentStatus | undefined): Known => {
    const judgement = judgeManifest(object, classLists);
    tell(object, status, judgement);
    const known = { generation: object.metadata.generation, fresh: judgement, begun: runnable(judgement, object, true) };
    all.set(object.metadata.uid, known);
    return known;
  };
  return {
    of(object, status) {
      const { uid, generation } = object.metadata;
      const before = all.get(uid);
      // Without a generation nobody counts the changes.
      const known = before !== undefined && generation !== undefined && before.generation === generation ? before : judge(object, status);
      return hasBegun(status) ? known.begun : known.fresh;
    },
    forget: (uid) => void all.delete(uid),
  };
}
