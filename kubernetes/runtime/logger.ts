/** Structured logs: one JSON object a line on stdout. */
import { pino } from 'pino';

type Write = (fields: object, text: string) => void;

/** What the parts of the operator log with; a pino logger is one. */
export type Log = { readonly debug: Write; readonly info: Write; readonly warn: Write; readonly error: Write };

export type Logger = Log & {
  /** A logger whose lines carry these fields too, such as `{experiment: 'ns/name'}`. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
};

/** Fields that are never shown, wherever up to three levels deep they are. */
const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  'token',
  'accessToken',
  'password',
  'secretAccessKey',
  'clientKeyData',
  'stringData',
];
const DEPTHS = ['', '*.', '*.*.'];

export type LoggerOptions = {
  /** `trace` to `fatal`, or `silent`. */
  readonly level: string;
  /** Instead of stdout. */
  readonly destination?: { write(line: string): void };
};

/** A logger that writes to stdout. Errors under `error` are written with their stack and cause. */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  const settings = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.errWithCause },
    redact: { paths: DEPTHS.flatMap((depth) => SECRET_FIELDS.map((field) => `${depth}${field}`)), censor: '[hidden]' },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}

/** Says nothing. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
