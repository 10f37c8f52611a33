/** From the names on the command line to cases, and the help that lists the names. */
import { didYouMean } from '@carpal/configs/did-you-mean.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { CASE_TABLE, DEFAULT_NAMES, GROUPS, type Kind, kindOf, NAMES } from './catalogue.ts';

/** Cases of one kind, each once, in the order of the command line. */
export type Selection = { readonly kind: Kind; readonly names: readonly string[] };

function unknownName(name: string): CarpalError {
  const meant = didYouMean(name, NAMES);
  const hint = meant === undefined ? '' : `Did you mean ${meant}? `;
  const known = CASE_TABLE.map(({ id }) => id).join(', ');
  return new CarpalError('usage-invalid', `there is no benchmark case "${name}"`, { fix: `${hint}The cases are: ${known}.` });
}

/**
 * The cases that the names select; without names, the default cases. Throws `usage-invalid` for an unknown name and for kinds that cannot
 * run together.
 */
export function selectCases(names: readonly string[]): Selection {
  const selected = [
    ...new Set(names.length === 0 ? DEFAULT_NAMES : names.flatMap((name) => (Object.hasOwn(GROUPS, name) ? (GROUPS[name] ?? []) : [name]))),
  ];
  const kinds = new Set<Kind>();
  for (const name of selected) {
    const kind = kindOf(name);
    if (kind === undefined) throw unknownName(name);
    kinds.add(kind);
  }
  for (const [kind, subject] of [
    ['results', 'the results'],
    ['quality', 'the comparison of quality'],
    ['collapse', 'the collapse of classes'],
    ['soak', 'the soak'],
    ['operator', 'the benchmarks of the operator'],
  ] as const) {
    if (kinds.has(kind) && kinds.size > 1) throw new CarpalError('usage-invalid', `${subject} cannot run together with other cases`);
  }
  const [kind = 'measured'] = kinds;
  return { kind, names: selected };
}

/** A terminal's width, as in the help of the other commands. */
const WIDTH = 80;

/** Lines of at most the width, indented by `indent`. */
function wrapped(text: string, indent: number): string {
  const margin = ' '.repeat(indent);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${margin}${word}`);
  }
  return lines.join('\n');
}

/** The table of cases and the groups, for `--help`. */
export function casesHelp(): string {
  const rows = CASE_TABLE.map(({ id, what, baseline }) =>
    [`  ${id}`, wrapped(what.replaceAll('`', ''), 6), wrapped(`baseline: ${baseline}`, 6)].join('\n'),
  );
  return [
    '',
    `Cases (without names, the first ${DEFAULT_NAMES.length} run, which need no PyTorch and little time):`,
    ...rows,
    '',
    'Groups of cases:',
    wrapped(Object.keys(GROUPS).join(', '), 2),
    wrapped('all is every case but those of the operator, the soak, the results, quality and collapse', 6),
    '',
  ].join('\n');
}
