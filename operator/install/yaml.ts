import { stringify } from 'yaml';

/** Objects as the documents of one YAML text: no line is folded, no anchor used, so that a difference is the difference of a field. */
export function yamlDocuments(objects: readonly object[]): string {
  return objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}
