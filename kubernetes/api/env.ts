/** Where the environment says that the API server and the credentials for it are: kubectl's variables, and those of a pod. */
export function clusterEnvironment(): {
  readonly kubeconfig: string | undefined;
  readonly home: string | undefined;
  readonly serviceHost: string | undefined;
  readonly servicePort: string | undefined;
} {
  const { KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST: serviceHost, KUBERNETES_SERVICE_PORT: servicePort } = process.env;
  return { kubeconfig: KUBECONFIG, home: HOME, serviceHost, servicePort };
}
