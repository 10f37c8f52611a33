/** The part of a kubelet's API that serves `kubectl logs`. */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { freePort } from './free-port.ts';

const FOLLOW_POLL_MS = 200;

export type KubeletServerOptions = {
  /** The server's certificate. The API server of control-plane.ts does not check its issuer. */
  readonly tls: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** The log of a pod that runs or ran here. */
  readonly findLog: (namespace: string, name: string) => ContainerLog | undefined;
};

export type ContainerLog = { readonly path: string; readonly isWhole: () => boolean };

export type KubeletServer = { readonly port: number; close(): Promise<void> };

/** Serves `/containerLogs/<namespace>/<pod>/<container>` with `follow`, `tailLines` and `limitBytes` on a loopback port. */
export async function startKubeletServer({ tls, findLog }: KubeletServerOptions): Promise<KubeletServer> {
  const server = createServer(tls, (asked, answer) => {
    const url = new URL(asked.url ?? '/', 'https://kubelet');
    const [, section, namespace = '', pod = ''] = url.pathname.split('/');
    const log = section === 'containerLogs' ? findLog(namespace, pod) : undefined;
    if (log === undefined) {
      answer.writeHead(404).end('log not found\n');
      return;
    }
    answer.writeHead(200, { 'content-type': 'text/plain' });
    sendLog(log, url.searchParams, answer).catch((error: unknown) => answer.destroy(error instanceof Error ? error : undefined));
  });
  const port = await freePort();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function sendLog({ path, isWhole }: ContainerLog, query: URLSearchParams, answer: ServerResponse): Promise<void> {
  const tailLines = query.get('tailLines');
  const limitBytes = query.get('limitBytes');
  let at = tailLines === null ? 0 : await startOfTail(path, Number(tailLines));
  const limit = limitBytes === null ? Number.POSITIVE_INFINITY : at + Number(limitBytes);
  const isFollowing = query.get('follow') === 'true';
  for (;;) {
    // Read before the size, so that the size includes the last line.
    const isLast = !isFollowing || isWhole();
    const end = Math.min(limit, await sizeOf(path));
    if (end > at) {
      for await (const chunk of createReadStream(path, { start: at, end: end - 1 })) answer.write(chunk);
      at = end;
    }
    if (isLast || answer.destroyed || at >= limit) break;
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_POLL_MS));
  }
  answer.end();
}

/** The size of a log. A log that does not exist yet is empty. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** The position of the last `lines` lines, within the last MiB. */
async function startOfTail(path: string, lines: number): Promise<number> {
  const size = await sizeOf(path);
  if (size === 0) return 0;
  const length = Math.min(size, 1 << 20);
  const file = await open(path);
  try {
    const bytes = Buffer.alloc(length);
    await file.read(bytes, 0, length, size - length);
    let at = bytes.at(-1) === 0x0a ? length - 1 : length;
    for (let left = lines; left > 0 && at >= 0; left -= 1) at = at === 0 ? -1 : bytes.lastIndexOf(0x0a, at - 1);
    return size - length + at + 1;
  } finally {
    await file.close();
  }
}
