/**
 * Every error that a person can meet, once: what it means, how to mend it, and the exit code it ends a command with.
 * docs/errors.md says the same; a test holds the two equal.
 */

/** Exit codes of every command (sysexits.h where it has a fitting one). */
export const EXIT = { ok: 0, usage: 64, data: 65, service: 69, bug: 70, stopped: 75, configuration: 78 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

type ErrorEntry = { readonly exit: ExitCode; readonly meaning: string; readonly remedy: string };

export const ERRORS = {
  'manifest-invalid': {
    exit: EXIT.configuration,
    meaning: 'The manifest breaks the rules of a SegmentationExperiment.',
    remedy: 'Mend the fields named; carpal validate FILE checks again.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a code of the table. `where` is a file:line, a path or a field path. */
export class CarpalError extends Error {
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly remedy: string;

  constructor(code: ErrorCode, what: string, options: { where?: string; remedy?: string; cause?: unknown } = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CarpalError';
    this.code = code;
    this.where = options.where;
    this.remedy = options.remedy ?? ERRORS[code].remedy;
  }

  get exit(): ExitCode {
    return ERRORS[this.code].exit;
  }
}

/** `code: what is wrong, where, what to do`, the one form in which errors reach a terminal. */
export function formatError(error: CarpalError): string {
  const where = error.where === undefined ? '' : ` (${error.where})`;
  return `${error.code}: ${error.message}${where}\n  → ${error.remedy}`;
}
