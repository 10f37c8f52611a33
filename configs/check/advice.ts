import type { Finding } from '../finding.ts';
import type { ManifestSpec } from '../schema/experiment.ts';

/**
 * What is allowed but hardly meant, for `carpal validate` to say; never a reason to refuse. `isWritten` tells whether a person wrote a
 * field: a default that fits badly is not theirs to mend. Paths begin at the top of the manifest.
 */
export function adviceFor(spec: ManifestSpec, isWritten: (path: readonly string[]) => boolean): Finding[] {
  return [...patienceAdvice(spec, isWritten), ...reportAdvice(spec)];
}

function patienceAdvice(spec: ManifestSpec, isWritten: (path: readonly string[]) => boolean): Finding[] {
  const findings: Finding[] = [];
  const { epochs, validateEvery, earlyStopping } = spec.training;
  const patiencePath = ['spec', 'training', 'earlyStopping', 'patience'];
  const validations = Math.floor(epochs / validateEvery);
  if (isWritten(patiencePath) && earlyStopping.patience >= validations) {
    const message = `early stopping can never happen: the patience of ${earlyStopping.patience} validations is not less than the ${validations} there are`;
    findings.push({ path: patiencePath, message, fix: 'Write less, or 0 to say that it is off.' });
  }
  const { name, options } = spec.scheduler;
  const plateau = options.patience ?? 0;
  const plateauPath = ['spec', 'scheduler', 'options', 'patience'];
  if (name === 'ReduceLROnPlateau' && isWritten(plateauPath) && earlyStopping.patience > 0 && plateau >= earlyStopping.patience) {
    const message = `training stops early (after ${earlyStopping.patience} validations) before the learning rate is ever lowered (after ${plateau})`;
    findings.push({ path: plateauPath, message, fix: 'Write less than training.earlyStopping.patience.' });
  }
  return findings;
}

/** Nothing sends what the planner has to announce yet, and the field would be believed. */
function reportAdvice({ report }: ManifestSpec): Finding[] {
  const named = Object.entries(report).flatMap(([name, reporter]) => (reporter === undefined ? [] : [name]));
  if (named.length === 0) return [];
  const message = `nobody is told yet: this version of carpal sends nothing to ${named.join(', ')}`;
  const fix = 'Watch carpal run, or kubectl get segx -w; the field may stay for a version that sends.';
  return [{ path: ['spec', 'report'], message, fix }];
}
