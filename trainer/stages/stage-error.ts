import { CarpalError } from '@carpal/configs/errors.ts';
import { messageOf } from '@carpal/configs/message-of.ts';
import type { StageError } from '@carpal/configs/schema/progress.ts';

/** What progress.json says of the error that ended a stage. */
export function stageErrorOf(error: unknown): StageError {
  if (error instanceof CarpalError) {
    const { code, message, where, fix } = error;
    return { code, message, ...(where === undefined ? {} : { where }), remedy: fix };
  }
  const message = messageOf(error);
  return { code: 'bug', message, remedy: 'This is a fault of carpal; please report it.' };
}
