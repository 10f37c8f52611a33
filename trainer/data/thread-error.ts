import { CarpalError, type ErrorCode } from '@carpal/configs/errors.ts';

/** An error sent between threads: a CarpalError with its code, any other error with its message. */
export type SentError = {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly where: string | undefined;
  readonly fix: string;
  readonly stack: string | undefined;
};

/** Converts an error to a form that keeps its code between threads. */
export function sendError(error: unknown): SentError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof CarpalError) return { code: error.code, message, where: error.where, fix: error.fix, stack };
  return { code: undefined, message, where: undefined, fix: '', stack };
}

/** Restores a sent error: a CarpalError with its code, or an Error with the stack of the worker. */
export function receiveError({ code, message, where, fix, stack }: SentError): Error {
  const error =
    code === undefined ? new Error(message) : new CarpalError(code, message, { fix, ...(where === undefined ? {} : { where }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}
