import { InvalidArgumentError } from 'commander';

/** For an option that may be given several times: its values, in order. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** The same for variables, given as NAME=VALUE. */
export function collectVariable(value: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, text] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(value) ?? [];
  if (name === undefined || text === undefined) throw new InvalidArgumentError('It takes NAME=VALUE.');
  return { ...before, [name]: text };
}
