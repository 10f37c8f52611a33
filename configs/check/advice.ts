import type { Finding } from '../finding.ts';
import type { ManifestSpec } from '../schema/experiment.ts';

/**
 * Advice for `carpal validate`: settings that are valid but probably not intended. Advice never makes a manifest invalid. `isWritten` says
 * whether the user wrote a field; fields with their default value get no advice. Paths start at the top of the manifest.
 */
export function adviceFor(spec: ManifestSpec, isWritten: (path: readonly string[]) => boolean): Finding[] {
  return [...patienceAdvice(spec, isWritten), ...frozenAdvice(spec), ...reportAdvice(spec)];
}

/** The earliest epoch in which early stopping can end a training: its patience counts epochs after the first validation. */
function earliestStop({ validateEvery, earlyStopping: { patience } }: ManifestSpec['training']): number {
  return patience === 0 ? Number.POSITIVE_INFINITY : validateEvery * (1 + Math.ceil(patience / validateEvery));
}

function patienceAdvice({ training, scheduler }: ManifestSpec, isWritten: (path: readonly string[]) => boolean): Finding[] {
  const findings: Finding[] = [];
  const { epochs, validateEvery, earlyStopping } = training;
  const earliest = earliestStop(training);
  const patiencePath = ['spec', 'training', 'earlyStopping', 'patience'];
  if (isWritten(patiencePath) && earlyStopping.patience > 0 && earliest >= epochs) {
    const message = `early stopping can never happen: the earliest epoch for it is ${earliest}, and the training has ${epochs}`;
    findings.push({ path: patiencePath, message, fix: 'Write a smaller number, or 0 to turn early stopping off.' });
  }
  // Unlike that of early stopping, the patience of the scheduler counts validations: the first one is the best so far, and the rate falls
  // at the first validation beyond the patience.
  const reduced = validateEvery * (2 + (scheduler.options.patience ?? 0));
  const plateauPath = ['spec', 'scheduler', 'options', 'patience'];
  if (scheduler.name === 'ReduceLROnPlateau' && isWritten(plateauPath) && earliest <= reduced) {
    const message = `training stops early, in epoch ${earliest}, before the learning rate can fall for the first time, after epoch ${reduced}`;
    findings.push({ path: plateauPath, message, fix: 'Write a smaller number, or raise training.earlyStopping.patience.' });
  }
  return findings;
}

/** Frozen epochs count for early stopping. */
function frozenAdvice({ model: { pretrained }, training }: ManifestSpec): Finding[] {
  const frozen = pretrained?.frozenEpochs ?? 0;
  const earliest = earliestStop(training);
  if (frozen < earliest) return [];
  const message = `training may stop early, in epoch ${earliest}, before the encoder is trained, which begins in epoch ${frozen + 1}`;
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
