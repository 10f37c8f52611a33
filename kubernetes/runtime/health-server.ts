/** Answers the kubelet and Prometheus: /healthz, /readyz, /metrics. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HealthServerOptions = {
  /** 0 for any free one. */
  readonly port: number;
  /** All interfaces where absent. */
  readonly host?: string;
  /** What is wrong so that only a new start can mend it; none when all is well. Not an API server that is away: starting anew does not help. */
  readonly unhealthy: () => readonly string[];
  /** What the process still waits for before it can do its work; none when ready. */
  readonly notReady: () => readonly string[];
  readonly metrics: { page(): Promise<string>; readonly contentType: string };
};

export type HealthServer = { readonly port: number; close(): Promise<void> };

/** A reflector that gave no sign for this long hangs: longer than its longest watch (330 s) and its longest wait (300 s) together. */
const STUCK_MS = 660_000;

/** Complaints about reflectors that neither hear, try nor wait any more. */
export function stuckReflectors(reflectors: Readonly<Record<string, { quietMs(): number }>>): readonly string[] {
  return Object.entries(reflectors).flatMap(([name, reflector]) =>
    reflector.quietMs() > STUCK_MS ? [`the reflector of ${name} gave no sign for ${Math.round(reflector.quietMs() / 1000)} s`] : [],
  );
}

function answer(response: ServerResponse, code: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text);
}

/** Listens. That it answers at all says that the event loop turns. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { unhealthy, notReady, metrics } = options;
  const check = (response: ServerResponse, complaints: readonly string[]): void =>
    complaints.length === 0 ? answer(response, 200, 'ok\n') : answer(response, 503, `${complaints.join('\n')}\n`);
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, 'GET only\n');
    else if (path === '/healthz') check(response, unhealthy());
    else if (path === '/readyz') check(response, [...unhealthy(), ...notReady()]);
    else if (path === '/metrics') {
      metrics.page().then(
        (page) => answer(response, 200, page, metrics.contentType),
        (error: unknown) => answer(response, 500, `${String(error)}\n`),
      );
    } else answer(response, 404, 'there are /healthz, /readyz and /metrics\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
