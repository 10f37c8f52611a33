/** The command table. A command's module is loaded only when it is called, so that `--help` stays quick. */

import { CarpalError, EXIT, formatError } from '@carpal/configs/errors.ts';
import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandEntry } from './cli/commands.ts';

function program(): Command {
  const root = new Command('carpal')
    .description('Trains hand-bone segmentation experiments and turns them into submissions.')
    .usage('COMMAND [options]')
    .helpCommand(false)
    .exitOverride();
  for (const entry of COMMANDS) root.addCommand(new Command(entry.name).description(entry.summary));
  return root;
}

/** The entry whose words begin `words`, and the words left over. */
function findCommand(words: readonly string[]): { entry: CommandEntry; rest: string[] } | undefined {
  for (const entry of COMMANDS) {
    const name = entry.name.split(' ');
    if (name.every((word, index) => words[index] === word)) return { entry, rest: words.slice(name.length) };
  }
  return undefined;
}

async function main(words: readonly string[]): Promise<number> {
  const found = findCommand(words);
  if (!found) {
    const wantsHelp = words.length === 0 || words[0] === '--help' || words[0] === '-h' || words[0] === 'help';
    const group = COMMANDS.filter((entry) => entry.name.startsWith(`${words[0]} `));
    if (!wantsHelp && group.length === 0) process.stderr.write(`carpal has no command "${words.join(' ')}".\n\n`);
    (wantsHelp ? process.stdout : process.stderr).write(program().helpInformation());
    return wantsHelp ? EXIT.ok : EXIT.usage;
  }
  const { command } = await found.entry.load();
  await command().name(`carpal ${found.entry.name}`).exitOverride().parseAsync(found.rest, { from: 'user' });
  return Number(process.exitCode ?? EXIT.ok);
}

/** Turns whatever a command threw into an exit code and, where a person can act on it, a message. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CarpalError) {
    process.stderr.write(`${formatError(error)}\n`);
    return error.exit;
  }
  process.stderr.write(`bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.bug;
}

process.exit(await main(process.argv.slice(2)).catch(report));
