/** Rules for the status: no writer can reopen an ended experiment unless its spec has changed. */
import { literal } from '../cel.ts';
import { CONDITION } from '../names.ts';
import { type Rule, rule } from './rule.ts';

const OMITTED = { omitted: 'the planner never makes such a status; the rule protects it from other writers' };

const ended = (conditions: string, type: string): string => `${conditions}.exists(c, c.type == ${literal(type)} && c.status == 'True')`;

const hasEnded = (object: string, type: string): string =>
  `has(${object}.status) && has(${object}.status.conditions) && ${ended(`${object}.status.conditions`, type)}`;

const generation = (object: string): string => `${object}.status.observedGeneration`;

/** Only a change of the spec reopens an experiment. */
const SPEC_CHANGED =
  `has(self.status) && has(${generation('self')}) && has(oldSelf.status) && has(${generation('oldSelf')}) && ` +
  `${generation('self')} > ${generation('oldSelf')}`;

/**
 * The rule is attached to the whole object, because the server skips a rule at the conditions when the conditions or the status are
 * removed.
 */
const staysEnded = (type: string): Rule =>
  rule({
    at: '',
    field: 'status.conditions',
    message: `${type} cannot be removed while the spec stays the same`,
    fix: 'Raise spec.run.retry to reopen the experiment, or create it again under another name.',
    check: OMITTED,
    cel: { rule: `!(${hasEnded('oldSelf', type)}) || ${hasEnded('self', type)} || (${SPEC_CHANGED})` },
  });

const oneEnd = rule({
  at: 'status.conditions',
  message: `an experiment is either ${CONDITION.complete} or ${CONDITION.failed}, not both`,
  fix: 'Keep one of the two.',
  check: OMITTED,
  cel: { rule: `!(${ended('self', CONDITION.complete)} && ${ended('self', CONDITION.failed)})` },
});

export const STATUS_RULES: readonly Rule[] = [staysEnded(CONDITION.complete), staysEnded(CONDITION.failed), oneEnd];
