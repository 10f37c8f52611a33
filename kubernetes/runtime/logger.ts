/** Structured logs: one JSON object per line on stdout. */
import { pino } from 'pino';

type Write = (fields: object, text: string) => void;

/** The log interface of all parts; a pino logger implements it. */
export type Log = { readonly debug: Write; readonly info: Write; readonly warn: Write; readonly error: Write };

export type Logger = Log & {
  /** A logger that adds these fields to every line. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
};

/** Fields that are never shown, at the top or one or two levels below. */
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
  /** Default: stdout. */
  readonly destination?: { write(line: string): void };
};

/** A logger that writes to stdout. An error under `error` is written with its stack and its cause. */
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

/** A log that discards everything. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
