/** What the operator's pod is told by its environment; options of the command line go before it. */
export function operatorEnvironment(): {
  readonly image: string | undefined;
  readonly artifacts: string | undefined;
  readonly podName: string | undefined;
} {
  const { CARPAL_IMAGE: image, CARPAL_ARTIFACTS: artifacts, POD_NAME: podName } = process.env;
  return { image, artifacts, podName };
}
