import { CarpalError, type ErrorCode } from '@carpal/configs/errors.ts';

/** An error as it crosses threads: a CarpalError by its code, anything else by its text. */
export type SentError = {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly where: string | undefined;
  readonly fix: string;
  readonly stack: string | undefined;
};

/** An error in a form that survives the way between threads with its code. */
export function sendError(error: unknown): SentError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof CarpalError) return { code: error.code, message, where: error.where, fix: error.fix, stack };
  return { code: undefined, message, where: undefined, fix: '', stack };
}

/** The error that was sent: a CarpalError with its code, or an Error with the worker's stack. */
export function receiveError({ code, message, where, fix, stack }: SentError): Error {
  const error =
    code === undefined ? new Error(message) : new CarpalError(code, message, { fix, ...(where === undefined ? {} : { where }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}
