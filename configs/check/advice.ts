import type { Finding } from '../finding.ts';
import type { ManifestSpec } from '../schema/experiment.ts';

/**
 * Advice for `carpal validate`: settings that are valid but probably not intended. Advice never makes a manifest invalid. `isWritten` says
 * whether the user wrote a field; fields with their default value get no advice. Paths start at the top of the manifest.
 */
export function adviceFor(spec: ManifestSpec, isWritten: (path: readonly string[]) => boolean): Finding[] {
  return [...patienceAdvice(spec, isWritten), ...frozenAdvice(spec), ...reportAdvice(spec)];
}

function patienceAdvice(spec: ManifestSpec, isWritten: (path: readonly string[]) => boolean): Finding[] {
  const findings: Finding[] = [];
  const { epochs, validateEvery, earlyStopping } = spec.training;
  const patiencePath = ['spec', 'training', 'earlyStopping', 'patience'];
  const validations = Math.floor(epochs / validateEvery);
  if (isWritten(patiencePath) && earlyStopping.patience >= validations) {
    const message = `early stopping can never happen: the patience of ${earlyStopping.patience} validations is not less than the ${validations} validations of the training`;
    findings.push({ path: patiencePath, message, fix: 'Write a smaller number, or 0 to turn early stopping off.' });
  }
  const { name, options } = spec.scheduler;
  const plateau = options.patience ?? 0;
  const plateauPath = ['spec', 'scheduler', 'options', 'patience'];
  if (name === 'ReduceLROnPlateau' && isWritten(plateauPath) && earlyStopping.patience > 0 && plateau >= earlyStopping.patience) {
    const message = `training stops early (after ${earlyStopping.patience} validations) before the learning rate is reduced for the first time (after ${plateau})`;
    findings.push({ path: plateauPath, message, fix: 'Write a number below training.earlyStopping.patience.' });
  }
  return findings;
}

/** Frozen epochs count for early stopping, whose patience counts epochs after the first validation. */
function frozenAdvice({ model: { pretrained }, training: { validateEvery, earlyStopping } }: ManifestSpec): Finding[] {
  const { patience } = earlyStopping;
  const frozen = pretrained?.frozenEpochs ?? 0;
  const earliestStop = validateEvery * (1 + Math.ceil(patience / validateEvery));
  if (patience === 0 || frozen < earliestStop) return [];
  const message = `training may stop early, in epoch ${earliestStop}, before the encoder is trained, which begins in epoch ${frozen + 1}`;
  const fix = 'Write a smaller number, or raise training.earlyStopping.patience.';
  return [{ path: ['spec', 'model', 'pretrained', 'frozenEpochs'], message, fix }];
}

/** This version sends no reports, but a user who writes the field expects some. */
function reportAdvice({ report }: ManifestSpec): Finding[] {
  const named = Object.entries(report).flatMap(([name, reporter]) => (reporter === undefined ? [] : [name]));
  if (named.length === 0) return [];
  const message = `no reports are sent: this version of carpal sends nothing to ${named.join(', ')}`;
  const fix = 'Watch carpal run, or kubectl get segx -w. Keep the field for a version that sends reports.';
  return [{ path: ['spec', 'report'], message, fix }];
}
