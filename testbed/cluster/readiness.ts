import { request } from 'node:https';

/** Whether the API server answers `path` with 200; never rejects. */
export function answersOk({
  port,
  path,
  certificateAuthority,
  token,
}: {
  readonly port: number;
  readonly path: string;
  readonly certificateAuthority: string;
  readonly token: string;
}): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path,
        ca: certificateAuthority,
        headers: { authorization: `Bearer ${token}` },
        agent: false,
        timeout: 2000,
      },
      (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode === 200)).once('error', () => resolve(false));
      },
    );
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
