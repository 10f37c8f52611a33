import { LEARNING_RULES } from './learning.ts';
import { OBJECTIVE_RULES } from './objective.ts';
import type { Rule } from './rule.ts';
import { RUNNING_RULES } from './running.ts';

/** Every rule between fields of a manifest. The rules for updates are in immutability.ts, those for a status in status.ts. */
export const MANIFEST_RULES: readonly Rule[] = [...LEARNING_RULES, ...OBJECTIVE_RULES, ...RUNNING_RULES];
