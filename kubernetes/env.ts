/** The environment variables that locate the API server and its credentials: those of kubectl, and those of a pod. */
export function clusterEnvironment(): {
  readonly kubeconfig: string | undefined;
  readonly home: string | undefined;
  readonly serviceHost: string | undefined;
  readonly servicePort: string | undefined;
} {
  const { KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST: serviceHost, KUBERNETES_SERVICE_PORT: servicePort } = process.env;
  return { kubeconfig: KUBECONFIG, home: HOME, serviceHost, servicePort };
}

const LEVELS: ReadonlySet<string> = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);

/** The log level: $CARPAL_LOG_LEVEL, or `info` if it is not set or not a level. */
export function logLevel(): string {
  const level = process.env['CARPAL_LOG_LEVEL'];
  return level !== undefined && LEVELS.has(level) ? level : 'info';
}
