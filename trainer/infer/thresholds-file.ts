import { readFile } from 'node:fs/promises';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import { isRecord } from '@carpal/configs/is-record.ts';
import { messageOf } from '@carpal/configs/message-of.ts';
import { parseJson } from '@carpal/configs/parse-json.ts';
import { CLEANINGS } from '@carpal/masks/cleaning.ts';
import type { ClassCut } from './vote-masks.ts';

/**
 * The cuts of an ensemble's thresholds.json in class order: `{"Radius": {"threshold": 0.4, "cleaning": "largest"}, …}`, where a number alone
 * is a threshold without cleaning, as earlier versions wrote it. Throws thresholds-invalid with every mistake: no such file, not JSON, a
 * threshold that is not between 0 and 1, an unknown cleaning, a class that is missing or unknown.
 */
export async function readThresholdsFile(path: string, classes: readonly string[]): Promise<ClassCut[]> {
  const invalid = (what: string, cause?: unknown): CarpalError => new CarpalError('thresholds-invalid', what, { where: path, cause });
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const reason = messageOf(cause);
    throw invalid(systemErrorCode(cause) === 'ENOENT' ? 'there is no such file' : `the file cannot be read: ${reason}`, cause);
  });
  const entries = parseJson(text);
  if (!isRecord(entries)) throw invalid('the file is not a JSON object of classes');
  const mistakes: string[] = [];
  for (const name of Object.keys(entries)) if (!classes.includes(name)) mistakes.push(`${name} is no class of the network`);
  const cuts = classes.map((name): ClassCut => {
    const cut = Object.hasOwn(entries, name) ? cutOf(entries[name]) : 'is missing';
    if (typeof cut !== 'string') return cut;
    mistakes.push(`${name} ${cut}`);
    return { threshold: 0.5, cleaning: 'none' };
  });
  if (mistakes.length > 0) throw invalid(mistakes.join('; '));
  return cuts;
}

/** The cut that an entry says, or what is wrong with it. */
function cutOf(entry: unknown): ClassCut | string {
  const { threshold, cleaning = 'none' } = isRecord(entry) ? entry : { threshold: entry };
  if (typeof threshold !== 'number' || !(threshold > 0 && threshold < 1)) {
    return `has the threshold ${JSON.stringify(threshold)}, which is not between 0 and 1`;
  }
  const known = CLEANINGS.find((name) => name === cleaning);
  return known ? { threshold, cleaning: known } : `has the cleaning ${JSON.stringify(cleaning)}, which is none of ${CLEANINGS.join(', ')}`;
}
