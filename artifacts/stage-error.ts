/** The error in a stage's progress.json: made from what the stage threw, shown as text, and turned back into an error. */
import { CarpalError, ERRORS, type ErrorCode, messageOf } from '@carpal/configs/errors.ts';
import { plainText } from '@carpal/configs/plain-text.ts';
import type { StageError } from '@carpal/configs/schema/progress.ts';

/** So that a report always fits its schema and the limits of its readers, whatever the message lists. */
const LONGEST = 4000;

const shortened = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`);

/** The record of an error that ended a stage. Anything but a {@link CarpalError} has the code `bug`. */
export function stageErrorOf(error: unknown): StageError {
  if (error instanceof CarpalError) {
    const { code, message, where, fix } = error;
    return { code, message: shortened(message), ...(where === undefined ? {} : { where: shortened(where) }), remedy: shortened(fix) };
  }
  const message = shortened(plainText(messageOf(error)));
  return { code: 'bug', message, remedy: 'This is a bug in carpal; please report it.' };
}

/** The record without escape sequences and control characters: everyone with access to the store can write a progress.json. */
export function plainStageError({ code, message, where, remedy }: StageError): StageError {
  const place = where === undefined ? {} : { where: plainText(where) };
  return { code: plainText(code), message: plainText(message), ...place, remedy: plainText(remedy) };
}

/** A stage's error in one line: `code: message (where) → fix`. */
export function stageErrorText({ code, message, where, remedy }: StageError): string {
  return `${code}: ${message}${where === undefined ? '' : ` (${where})`} → ${remedy}`;
}

/** The error as the stage threw it, or `stage-failed` if its code is not in the error table. `more` is appended to the fix. */
export function carpalErrorOf({ code, message, where, remedy }: StageError, more = ''): CarpalError {
  const place = where === undefined ? {} : { where };
  if (isErrorCode(code)) return new CarpalError(code, message, { ...place, fix: `${remedy}${more}` });
  return new CarpalError('stage-failed', `${code}: ${message}`, { ...place, fix: `${remedy}${more}` });
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);
