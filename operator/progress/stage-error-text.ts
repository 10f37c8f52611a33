import { CarpalError, ERRORS, type ErrorCode } from '@carpal/configs/errors.ts';
import type { StageError } from '@carpal/configs/schema/progress.ts';

/** A stage's error in one line: `code: message (where) → remedy`. */
export function stageErrorText({ code, message, where, remedy }: StageError): string {
  return `${code}: ${message}${where === undefined ? '' : ` (${where})`} → ${remedy}`;
}

/** The error as the stage threw it; `stage-failed` where its code is none of the table. `more` follows the remedy. */
export function carpalErrorOf({ code, message, where, remedy }: StageError, more = ''): CarpalError {
  const place = where === undefined ? {} : { where };
  if (isErrorCode(code)) return new CarpalError(code, message, { ...place, fix: `${remedy}${more}` });
  return new CarpalError('stage-failed', `${code}: ${message}`, { ...place, fix: `${remedy}${more}` });
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);
