import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { CarpalError } from './errors.ts';
import { formatPath } from './finding.ts';
import { messageOf } from './message-of.ts';
import { type Environment, environmentSchema } from './schema/environment.ts';

const folder = new URL('./environments/', import.meta.url);

/** The names of the environments at hand: the files of configs/environments without `.yaml`. */
export function environmentNames(): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The environment of configs/environments, or of a file where `name` ends in `.yaml`. Throws `environment-invalid` for one that is not there
 * or breaks a rule, naming every field.
 */
export function loadEnvironment(name: string): Environment {
  const isFile = /\.ya?ml$/.test(name);
  const place = isFile ? name : new URL(`${name}.yaml`, folder);
  if (isFile ? !existsSync(name) : !environmentNames().includes(name)) {
    throw new CarpalError('environment-invalid', `there is no environment "${name}"`, {
      fix: `Use one of: ${environmentNames().join(', ')}; or the path of a YAML file in their form.`,
    });
  }
  const where = isFile ? name : `configs/environments/${name}.yaml`;
  const found = environmentSchema.safeParse(readYaml(place, where));
  if (found.success) return found.data;
  const mistakes = found.error.issues.map(
    ({ path, message }) => `\n  ${formatPath(path.map((part) => (typeof part === 'number' ? part : String(part))))}: ${message}`,
  );
  throw new CarpalError('environment-invalid', `the environment breaks a rule:${mistakes.join('')}`, { where });
}

function readYaml(place: string | URL, where: string): unknown {
  try {
    return parse(readFileSync(place, 'utf8'));
  } catch (cause) {
    throw new CarpalError('environment-invalid', `the environment cannot be read: ${messageOf(cause)}`, {
      where,
      cause,
    });
  }
}
