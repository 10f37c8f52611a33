/** What the schema says of each experiment, asked once for each generation: it reads a whole manifest, and a status changes many times. */
import { type Judgement, judgeManifest } from '@carpal/configs/crd/judge-manifest.ts';
import { formatPath } from '@carpal/configs/finding.ts';
import { hasBegun } from './begun-experiment.ts';
import { type ExperimentObject, statusOfObject } from './experiment-object.ts';
import type { Log } from './runtime/logger.ts';

export type Judgements = {
  /** The judgement of the object, under its key `namespace/name`. The metadata in it is of the first look, but for the generation. */
  of(key: string, object: ExperimentObject): Judgement;
  /** Drops what is known of an experiment that is gone or has come to its end. */
  forget(key: string): void;
};

type Known = { readonly uid: string | undefined; readonly generation: number | undefined; readonly judgement: Judgement };

/** Judgements by the class lists of these names. What a person may wonder at is logged, once for each generation. */
export function createJudgements(classLists: readonly string[], log: Log): Judgements {
  const all = new Map<string, Known>();
  const tell = (experiment: string, object: ExperimentObject, judgement: Judgement): void => {
    if (!('findings' in judgement)) {
      const fields = judgement.unknown.map(formatPath);
      if (fields.length > 0) log.info({ experiment, fields }, 'fields of a newer definition are passed over');
      return;
    }
    if (!hasBegun(statusOfObject(object))) return;
    const mistakes = judgement.findings.map(({ path, message }) => `${formatPath(path)} ${message}`);
    log.warn({ experiment, mistakes }, 'the manifest breaks rules that are stricter than those it began under');
  };
  return {
    of(key, object) {
      const { uid, generation } = object.metadata;
      const known = all.get(key);
      // Without a generation nobody counts the changes.
      if (known !== undefined && generation !== undefined && known.uid === uid && known.generation === generation) return known.judgement;
      const judgement = judgeManifest(object, classLists);
      all.set(key, { uid, generation, judgement });
      tell(key, object, judgement);
      return judgement;
    },
    forget: (key) => void all.delete(key),
  };
}
