/** Terminal is final: whoever writes a status cannot reopen an experiment. */
import { CONDITION } from '../names.ts';
import { type CelRule, type CelRules, literal, says } from './cel.ts';

const ended = (conditions: string, type: string): string => `${conditions}.exists(c, c.type == '${type}' && c.status == 'True')`;

const staysEnded = (type: string): CelRule => ({
  rule: `!${ended('oldSelf', type)} || ${ended('self', type)}`,
  message: `${type} is final and cannot be taken back. Create the experiment again under another name.`,
});

const oneEnd: CelRule = {
  rule: `!(${ended('self', CONDITION.complete)} && ${ended('self', CONDITION.failed)})`,
  message: 'an experiment is either Complete or Failed.',
  messageExpression: says`an experiment is either ${literal(CONDITION.complete)} or ${literal(CONDITION.failed)}, not both.`,
};

export const STATUS_CEL: CelRules = {
  'status.conditions': [staysEnded(CONDITION.complete), staysEnded(CONDITION.failed), oneEnd],
};
