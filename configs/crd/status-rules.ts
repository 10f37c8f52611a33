/** Terminal is final: whoever writes a status cannot reopen an experiment. */
import { CONDITION } from '../names.ts';
import { type CelRule, type CelRules, literal, says } from '../rules/cel.ts';

const ended = (conditions: string, type: string): string => `${conditions}.exists(c, c.type == '${type}' && c.status == 'True')`;

const hasEnded = (object: string, type: string): string =>
  `has(${object}.status) && has(${object}.status.conditions) && ${ended(`${object}.status.conditions`, type)}`;

/** Of the whole object: a rule at the conditions is not asked where they, or the status, are taken away. */
const staysEnded = (type: string): CelRule => ({
  rule: `!(${hasEnded('oldSelf', type)}) || ${hasEnded('self', type)}`,
  message: `${type} is final and cannot be taken back. Create the experiment again under another name.`,
  fieldPath: '.status.conditions',
});

const oneEnd: CelRule = {
  rule: `!(${ended('self', CONDITION.complete)} && ${ended('self', CONDITION.failed)})`,
  message: 'an experiment is either Complete or Failed.',
  messageExpression: says`an experiment is either ${literal(CONDITION.complete)} or ${literal(CONDITION.failed)}, not both.`,
};

export const STATUS_CEL: CelRules = {
  '': [staysEnded(CONDITION.complete), staysEnded(CONDITION.failed)],
  'status.conditions': [oneEnd],
};
