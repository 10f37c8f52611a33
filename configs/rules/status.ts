/** Rules for the status: an ended experiment cannot be reopened by any writer. */
import { literal } from '../cel.ts';
import { CONDITION } from '../names.ts';
import { type Rule, rule } from './rule.ts';

const OMITTED = { omitted: 'the planner never makes such a status; the rule protects it from other writers' };

const ended = (conditions: string, type: string): string => `${conditions}.exists(c, c.type == ${literal(type)} && c.status == 'True')`;

const hasEnded = (object: string, type: string): string =>
  `has(${object}.status) && has(${object}.status.conditions) && ${ended(`${object}.status.conditions`, type)}`;

/**
 * The rule is attached to the whole object, because the server skips a rule at the conditions when the conditions or the status are
 * removed.
 */
const staysEnded = (type: string): Rule =>
  rule({
    at: '',
    field: 'status.conditions',
    message: `${type} is final and cannot be removed`,
    fix: 'Create the experiment again under another name.',
    check: OMITTED,
    cel: { rule: `!(${hasEnded('oldSelf', type)}) || ${hasEnded('self', type)}` },
  });

const oneEnd = rule({
  at: 'status.conditions',
  message: `an experiment is either ${CONDITION.complete} or ${CONDITION.failed}, not both`,
  fix: 'Keep one of the two.',
  check: OMITTED,
  cel: { rule: `!(${ended('self', CONDITION.complete)} && ${ended('self', CONDITION.failed)})` },
});

export const STATUS_RULES: readonly Rule[] = [staysEnded(CONDITION.complete), staysEnded(CONDITION.failed), oneEnd];
