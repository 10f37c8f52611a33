import { didYouMean } from '@carpal/configs/did-you-mean.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { GROUPS, type Kind, kindOf, USUAL_NAMES, WORDS } from './catalogue.ts';
import { namesLine } from './names-text.ts';

/** Benchmarks of one kind, each once, in the order they were asked for. */
export type Plan = { readonly kind: Kind; readonly names: readonly string[] };

function unknownName(word: string): CarpalError {
  const meant = didYouMean(word, WORDS);
  const hint = meant === undefined ? '' : `Did you mean ${meant}? `;
  return new CarpalError('usage-invalid', `there is no benchmark "${word}"`, { fix: `${hint}There is: ${namesLine()}.` });
}

/** What the words ask for; the usual benchmarks where there are none. Throws `usage-invalid` for a strange word, and for kinds that do not go together. */
export function planOf(words: readonly string[]): Plan {
  const names = [
    ...new Set(words.length === 0 ? USUAL_NAMES : words.flatMap((word) => (Object.hasOwn(GROUPS, word) ? (GROUPS[word] ?? []) : [word]))),
  ];
  const kinds = new Set<Kind>();
  for (const name of names) {
    const kind = kindOf(name);
    if (kind === undefined) throw unknownName(name);
    kinds.add(kind);
  }
  if (kinds.has('results') && kinds.size > 1) throw new CarpalError('usage-invalid', 'the results are measured alone');
  if (kinds.has('soak') && kinds.size > 1) throw new CarpalError('usage-invalid', 'the soak runs alone');
  if (kinds.has('operator') && kinds.size > 1)
    throw new CarpalError('usage-invalid', 'the benchmarks of the operator run apart from the others');
  const [kind = 'measured'] = kinds;
  return { kind, names };
}
