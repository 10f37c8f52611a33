import { logLines } from '../progress/log-lines.ts';
import type { StageRun } from './observed.ts';

const LAST_LINES = 12;
/** Beside what the substrate says and the place of a log they fit the thousand characters that a status keeps of a message. */
const LONGEST_TAIL = 500;

/** What is said of an end: the substrate's words and the last lines of the log, which tell why it failed, but not who took the attempt away. */
export function endWords({ message = '', lastLines = '', disrupted }: Pick<StageRun, 'message' | 'lastLines' | 'disrupted'>): string {
  if (disrupted === true && message !== '') return message;
  const lines = logLines(lastLines).slice(-LAST_LINES).join('\n');
  const tail = lines.length > LONGEST_TAIL ? `…${lines.slice(1 - LONGEST_TAIL)}` : lines;
  return message === '' || tail === '' ? message + tail : `${message}; its last lines: ${tail}`;
}
