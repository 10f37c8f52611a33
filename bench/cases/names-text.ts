import { FAMILIES, GROUPS } from './catalogue.ts';

/** A terminal's width, as that of the other commands' help. */
const WIDTH = 80;

/** Text in lines of at most the width, each indented. */
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

/** All names in one line, by kind. */
export function namesLine(): string {
  return FAMILIES.flatMap(({ names }) => names).join(', ');
}

/** All names by kind with what they measure, and the groups, as `--help` prints them. */
export function namesText(): string {
  const families = FAMILIES.map(({ names, says }) => `${wrapped(names.join(', '), 2)}\n${wrapped(says, 6)}`);
  const groups = `${wrapped(Object.keys(GROUPS).join(', '), 2)}\n${wrapped('all is everything but operator, soak and results', 6)}`;
  return `\nBenchmarks:\n${families.join('\n')}\n\nSeveral at once:\n${groups}\n`;
}
