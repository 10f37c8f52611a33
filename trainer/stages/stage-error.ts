import { CarpalError } from '@carpal/configs/errors.ts';
import type { StageError } from '@carpal/configs/schema/progress.ts';

/** What progress.json says of the error that ended a stage. */
export function stageErrorOf(error: unknown): StageError {
  if (error instanceof CarpalError) {
    const { code, message, where, remedy } = error;
    return { code, message, ...(where === undefined ? {} : { where }), remedy };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'bug', message, remedy: 'This is a fault of carpal; please report it.' };
}
