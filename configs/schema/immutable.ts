import { isDeepStrictEqual } from 'node:util';
import { type FieldPath, type Finding, show, startsWith } from '../finding.ts';
import { isRecord } from '../json.ts';
import type { ManifestSpec } from './experiment.ts';
import { completeSpec } from './options.ts';

/** What an update of an experiment may change, below spec. */
export const MUTABLE: readonly FieldPath[] = [
  ['run', 'suspend'],
  ['run', 'parallelism'],
  ['run', 'ttlAfterFinished'],
  ['run', 'ttlRemovesArtifacts'],
  ['report'],
];

/**
 * One finding for every field of spec that differs and may not. A default that is written out is no difference. Use on an update, and
 * when a run is resumed with a manifest that may have been edited meanwhile.
 */
export function immutableChanges(before: ManifestSpec, after: ManifestSpec): Finding[] {
  return changedLeaves(completeSpec(before), completeSpec(after), [])
    .filter(({ path }) => !MUTABLE.some((start) => startsWith(path, start)))
    .map(({ path, from, to }) => ({
      path: ['spec', ...path],
      message: `cannot change once the experiment exists: was ${show(from)}, is ${show(to)}`,
      fix: 'Take the change back, or give the changed experiment a name of its own.',
    }));
}

type Change = { path: FieldPath; from: unknown; to: unknown };

/** Lists are compared as a whole: what moved within one is not worth a path of its own. */
function changedLeaves(from: unknown, to: unknown, path: FieldPath): Change[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isRecord(from) || !isRecord(to)) return from === to ? [] : [{ path, from, to }];
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...keys].flatMap((key) => changedLeaves(from[key], to[key], [...path, key]));
}
