/** Settings of the operator's pod from its environment. Options of the command line override them. */
export function operatorEnvironment(): {
  readonly image: string | undefined;
  readonly artifacts: string | undefined;
  readonly podName: string | undefined;
} {
  const { CARPAL_IMAGE: image, CARPAL_ARTIFACTS: artifacts, POD_NAME: podName } = process.env;
  return { image, artifacts, podName };
}
