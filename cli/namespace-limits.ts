/** The options of `carpal manifests` that limit one namespace. */
import type { LimitKey, NamespaceLimits } from '@carpal/operator/install/admission-limits.ts';
import type { Command } from 'commander';
import { collect } from './option-values.ts';

const LIMITS = [
  ['dataset', 'datasets', '<uri>', 'a data set that it may read'],
  ['weights', 'weights', '<uri>', 'a location of its initial weights (default: the same locations as data sets)'],
  ['queue', 'queues', '<name>', 'a queue that it may use'],
  ['serviceAccount', 'serviceAccounts', '<name>', 'a service account that its stages may use besides the default'],
  ['priorityClass', 'priorityClasses', '<name>', 'a priority class that it may use'],
  ['workloadPriorityClass', 'workloadPriorityClasses', '<name>', "a priority class of Kueue's that it may use"],
  ['toleration', 'tolerations', '<taint>', 'a toleration that it may use: key, key=value, key:effect or key=value:effect'],
  ['nodeSelector', 'nodeSelectors', '<label>', 'a node label that it may select: key or key=value'],
  ['report', 'reports', '<receiver>', 'who may get its reports: slack:CHANNEL, kakao:ID, sheets:ID or mlflow:NAME; slack:* for all'],
] as const satisfies readonly (readonly [option: string, key: LimitKey, value: string, what: string])[];

export type LimitOptions = Partial<Record<(typeof LIMITS)[number][0], string[]>>;

const flagOf = (option: string): string => `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export function addLimitOptions(command: Command): Command {
  return LIMITS.reduce(
    (whole, [option, , value, what]) =>
      whole.option(
        `${flagOf(option)} ${value}`,
        `with --for-namespace: ${what}; all others are denied, and '' allows none; may be given several times`,
        collect,
      ),
    command,
  );
}

/** The first limit that was given, as it is written; undefined if none was given. */
export function givenLimit(options: LimitOptions): string | undefined {
  const option = LIMITS.map(([name]) => name).find((name) => options[name] !== undefined);
  return option === undefined ? undefined : flagOf(option);
}

export function limitsOf(options: LimitOptions): NamespaceLimits {
  const given = LIMITS.flatMap(([option, key]) => {
    const lines = options[option];
    return lines === undefined ? [] : [[key, lines.filter((line) => line !== '')] as const];
  });
  return Object.fromEntries(given);
}
