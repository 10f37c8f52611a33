import type { Finding } from '../finding.ts';
import type { ManifestSpec } from './experiment.ts';

/**
 * One rule between fields. `reads` names the fields it looks at, from spec on and dotted: a rule is not asked when one of them is itself
 * at fault, so that one slip is not reported as two. Paths of findings begin at spec's fields.
 */
export type Rule = { readonly reads: readonly string[]; readonly check: (spec: ManifestSpec) => readonly Finding[] };

/** One finding for every entry that stands in the list already; `what` names the entries: 'fold', 'loss'. */
export function doubled(path: readonly string[], entries: readonly (string | number)[], what: string): Finding[] {
  return entries.flatMap((entry, index) =>
    entries.indexOf(entry) === index
      ? []
      : [{ path: [...path, index], message: `names ${what} ${entry} a second time`, fix: `Name each ${what} once.` }],
  );
}

/** One finding for every option given that is not among those accepted. `owner` is what the options belong to, such as 'network UNet'. */
export function foreignOptions(path: readonly (string | number)[], options: object, accepted: readonly string[], owner: string): Finding[] {
  return Object.entries(options)
    .filter(([name, value]) => value !== undefined && !accepted.includes(name))
    .map(([name]) => ({
      path: [...path, name],
      message: `is not an option of ${owner}`,
      fix: accepted.length === 0 ? `Take it out: ${owner} has no options.` : `${owner} takes: ${accepted.join(', ')}.`,
    }));
}
