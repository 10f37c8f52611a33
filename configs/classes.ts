import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { CarpalError } from './errors.ts';

const folder = new URL('./classes/', import.meta.url);

/** The names of the available class lists: the files of configs/classes without `.yaml`. */
export function classListNames(): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The class names in configs/classes/`name`.yaml, in the order of the rows of a submission. Throws `classes-unknown` if the file does not
 * exist or is invalid.
 */
export function loadClasses(name: string): readonly string[] {
  const known = classListNames();
  if (!known.includes(name)) {
    throw new CarpalError('classes-unknown', `there is no class list "${name}"`, {
      where: `configs/classes/${name}.yaml`,
      fix: `Use one of: ${known.join(', ')}.`,
    });
  }
  const content = parse(readFileSync(new URL(`${name}.yaml`, folder), 'utf8')) as { classes?: unknown };
  const classes = content.classes;
  if (
    !Array.isArray(classes) ||
    classes.length === 0 ||
    !classes.every((entry): entry is string => typeof entry === 'string' && entry !== '')
  ) {
    throw new CarpalError('classes-unknown', 'the file has no list "classes" with at least one name', {
      where: `configs/classes/${name}.yaml`,
    });
  }
  if (new Set(classes).size !== classes.length) {
    throw new CarpalError('classes-unknown', 'the class list contains a class twice', { where: `configs/classes/${name}.yaml` });
  }
  return classes;
}
