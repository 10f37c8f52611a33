import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { carpal, type Ending, run } from '@carpal/testbed/cli/run-cli.ts';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from './commands.ts';

const MANIFEST = join(import.meta.dirname, '../configs/experiments/minimal.yaml');

const call = (...words: string[]): Promise<Ending> => run(carpal(...words), tmpdir());

describe('the command line', () => {
  it.each([[], ['--help'], ['help']])('lists every command when called with %j', async (...words) => {
    const { code, stdout, stderr } = await call(...words);
    expect([code, stderr]).toEqual([0, '']);
    for (const { name, summary } of COMMANDS) expect(stdout).toMatch(new RegExp(`^ +${name} +${summary}`.replace("'s", '.s'), 'm'));
  });

  it.concurrent.for(COMMANDS.map(({ name }) => name))('%s --help shows its usage', async (name) => {
    const { code, stdout, stderr } = await call(...name.split(' '), '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^Usage: carpal ${name} `));
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    // Value placeholders are in lower case everywhere, and each default is a value that a person could have typed.
    expect(stdout).not.toMatch(/[<[][A-Z]|default: \[\]/);
  });

  it('lists the commands of a group when asked for its help', async () => {
    const [asked, helped] = await Promise.all([call('data', '--help'), call('help', 'data')]);
    expect([asked.code, asked.stderr, helped.stdout]).toEqual([0, '', asked.stdout]);
    expect(asked.stdout).toMatch(/^Usage: carpal data COMMAND \[options\]\n/);
    const listed = [...asked.stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => `data ${name}`);
    expect(listed).toEqual(COMMANDS.map(({ name }) => name).filter((name) => name.startsWith('data ')));
  });

  it.each(['run', 'data synth'])('prints the same for help %s as for %s --help', async (name) => {
    const words = name.split(' ');
    const [helped, asked] = await Promise.all([call('help', ...words), call(...words, '--help')]);
    expect(helped).toEqual(asked);
    expect(helped.stdout).toMatch(new RegExp(`^Usage: carpal ${name} `));
  });

  it.concurrent.for([
    ['an unknown command', ['rnu'], 'carpal has no command "rnu"', 'Did you mean carpal run?'],
    ['help of an unknown command', ['rnu', '--help'], 'carpal has no command "rnu"', 'Did you mean carpal run?'],
    ['help that names an unknown command', ['help', 'rnu'], 'carpal has no command "rnu"', 'Did you mean carpal run?'],
    [
      'help of an unknown command of a group',
      ['data', 'sinth', '-h'],
      'carpal has no command "data sinth"',
      'Did you mean carpal data synth?',
    ],
    ['an option before any command', ['--wrkdir', '--help'], 'carpal has no command "--wrkdir"', 'carpal --help'],
    [
      'an incomplete command',
      ['data'],
      'carpal has no command "data"',
      'Commands: carpal data synth, carpal data inspect, carpal data preview, carpal data suspects.',
    ],
    ['an unknown option', ['run', 'a.yaml', '--wrkdir', 'x'], "unknown option '--wrkdir' (Did you mean --workdir?)", 'carpal run --help'],
    ['a missing argument', ['run'], "missing required argument 'file'", 'carpal run --help'],
    ['a missing option', ['fold', '--fold', '9'], "required option '--experiment <file>' not specified", 'carpal fold --help'],
    ['a --set without a value', ['run', MANIFEST, '--set', 'foo'], '"foo" is not path=value (--set foo)', 'Write path=value'],
    ['a --set value that is not YAML', ['validate', MANIFEST, '--set', 'a=[0'], '"[0" cannot be read as YAML', 'Put the value in quotes'],
    ['one argument too many', ['run', 'a.yaml', 'b.yaml'], 'too many arguments', 'carpal run --help'],
    ['a fold that is not a number', ['fold', '--fold', 'x'], 'is not a whole number from 0 to 9999', '--help'],
    [
      'more votes than files',
      ['vote', 'a.csv', '--out', 'b.csv', '--min-votes', '2'],
      '2 votes are required but only 1 file is given',
      '--min-votes',
    ],
    ['a quantity that is none', ['operator', '--shared-memory', 'plenty'], '"plenty" is not a quantity above 0', '--help'],
    ['a grace period that is too short', ['operator', '--grace-seconds', '5'], 'is not a whole number from 10 to 3600', '--help'],
    ['a number out of bounds', ['data', 'synth', '--out', 'x', '--people', '0'], 'from 1 to 10000', '--help'],
  ] as const)('%s ends with 64 and a next step', async ([, words, what, next]) => {
    const { code, stdout, stderr } = await call(...words);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/^usage-invalid: .*\n {2}→ .*\n$/);
    expect(stderr).toContain(what);
    expect(stderr).toContain(next);
  });

  it('says that a manifest does not exist', async () => {
    const { code, stderr } = await call('run', 'missing.yaml');
    expect([code, stderr.split('\n')[0]]).toEqual([78, 'manifest-unreadable: there is no such file (missing.yaml)']);
  });
});
