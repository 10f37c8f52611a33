/** The file by which kubectl and every client find the API server and prove who they are; JSON is YAML enough for all of them. */
export function kubeconfigText({
  server,
  certificateAuthority,
  token,
}: {
  readonly server: string;
  readonly certificateAuthority: string;
  readonly token: string;
}): string {
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'local', cluster: { server, 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') } },
      ],
      users: [{ name: 'user', user: { token } }],
      contexts: [{ name: 'local', context: { cluster: 'local', user: 'user' } }],
      'current-context': 'local',
    },
    null,
    2,
  )}\n`;
}
