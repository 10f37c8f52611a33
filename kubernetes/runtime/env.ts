const LEVELS: ReadonlySet<string> = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);

/** How much the operator logs: $CARPAL_LOG_LEVEL, or `info`. A word that is no level counts as none. */
export function logLevel(): string {
  const level = process.env['CARPAL_LOG_LEVEL'];
  return level !== undefined && LEVELS.has(level) ? level : 'info';
}
