/** S3 settings from the environment that the SDK does not read by itself. */
export type S3Environment = {
  /** A server other than AWS, from AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL. */
  readonly endpoint: string | undefined;
  /** AWS_REGION, or AWS_DEFAULT_REGION, which this SDK ignores. */
  readonly region: string | undefined;
  /** Credentials come from a service (Pod Identity, container agent) or a token file (IRSA), which may not be ready when a pod starts. */
  readonly credentialsAreServed: boolean;
};

/** Read when a store is opened. Empty variables count as absent. */
export function s3Environment(): S3Environment {
  const { env } = process;
  const served = ['AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_WEB_IDENTITY_TOKEN_FILE'];
  return {
    endpoint: env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'] || undefined,
    region: env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || undefined,
    credentialsAreServed: served.some((name) => Boolean(env[name])),
  };
}
