/** The command table. A command's module is loaded only when the command is called, so that `--help` is fast. */

import { didYouMean } from '@carpal/configs/did-you-mean.ts';
import { CarpalError, EXIT, formatError } from '@carpal/configs/errors.ts';
import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandEntry } from './cli/commands.ts';
import packageJson from './package.json' with { type: 'json' };

/** The help that lists commands: all of them, or those of a group such as `data`. */
function listing(group = ''): string {
  const start = group === '' ? '' : `${group} `;
  const root = new Command(`carpal ${start}`.trim())
    .description(group === '' ? 'Trains hand-bone segmentation experiments and turns them into submissions.' : '')
    .usage('COMMAND [options]')
    .helpCommand(false);
  if (group === '') root.version(packageJson.version);
  const entries = COMMANDS.filter(({ name }) => name.startsWith(start));
  for (const { name, summary } of entries) root.addCommand(new Command(name.slice(start.length)).description(summary));
  return root.helpInformation();
}

/** The entry whose words are the beginning of `words`, and the remaining words. */
function findCommand(words: readonly string[]): { entry: CommandEntry; rest: string[] } | undefined {
  for (const entry of COMMANDS) {
    const name = entry.name.split(' ');
    if (name.every((word, index) => words[index] === word)) return { entry, rest: words.slice(name.length) };
  }
  return undefined;
}

const asksForHelp = (word: string | undefined): boolean => word === '--help' || word === '-h';

async function main(words: readonly string[]): Promise<number> {
  const [first, second] = words;
  if (first === 'help') return main([...words.slice(1), '--help']);
  const found = findCommand(words);
  if (!found) {
    if (first === '--version' || first === '-V') process.stdout.write(`${packageJson.version}\n`);
    else if (first === undefined || asksForHelp(first)) process.stdout.write(listing());
    else if (asksForHelp(second) && COMMANDS.some(({ name }) => name.startsWith(`${first} `))) process.stdout.write(listing(first));
    else throw unknownCommand(words);
    return EXIT.ok;
  }
  const { command } = await found.entry.load();
  const called = `carpal ${found.entry.name}`;
  const outputError = (text: string): void => void process.stderr.write(`${formatError(usageError(text, called))}\n`);
  await command().name(called).configureOutput({ outputError }).exitOverride().parseAsync(found.rest, { from: 'user' });
  return Number(process.exitCode ?? EXIT.ok);
}

/** Turns commander's message about a command line into an error of the table. */
function usageError(text: string, called: string): CarpalError {
  return new CarpalError(
    'usage-invalid',
    text
      .replace(/^error: /, '')
      .trim()
      .replaceAll('\n', ' '),
    { fix: `Run ${called} --help for its usage.` },
  );
}

/** The error for words that match no command. It names the commands of the group, or the command that was probably meant. */
function unknownCommand(words: readonly string[]): CarpalError {
  const names = COMMANDS.map(({ name }) => name);
  const group = names.filter((name) => name.startsWith(`${words[0]} `));
  const given = words.slice(0, group.length > 0 ? 2 : 1).join(' ');
  const meant = didYouMean(given, names);
  const hint = meant === undefined ? '' : `Did you mean carpal ${meant}? `;
  const fix = group.length > 0 ? `Commands: ${group.map((name) => `carpal ${name}`).join(', ')}.` : 'carpal --help lists the commands.';
  return new CarpalError('usage-invalid', `carpal has no command "${given}"`, { fix: `${hint}${fix}` });
}

/** Turns the error of a command into an exit code and, if a person can act on it, a message. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CarpalError) {
    process.stderr.write(`${formatError(error)}\n`);
    return error.exit;
  }
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${formatError(new CarpalError('bug', what, { cause: error }))}\n`);
  return EXIT.bug;
}

/** Waits until the output has reached its reader: a pipe buffers 64 KiB, and exiting discards the rest. */
function printed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()));
}

// It is not an error if the reader stops early, as head does.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
/** How long open handles of a command may keep the process alive. */
const LINGER_MS = 1000;

process.exitCode = await main(process.argv.slice(2)).catch(report);
await Promise.all([process.stdout, process.stderr].map(printed));
// The process ends by itself when no work is left. Exiting immediately can hang forever, and a fold would keep its GPU: exit waits for V8's
// compiler threads, and one of them may wait for a garbage collection of the main thread, which waits for it (nodejs/node, issue 54918).
setTimeout(() => process.exit(), LINGER_MS).unref();
