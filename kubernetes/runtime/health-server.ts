/** Answers the kubelet and Prometheus: /healthz, /readyz and /metrics. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HealthServerOptions = {
  /** 0 for any free port. */
  readonly port: number;
  /** Default: all interfaces. */
  readonly host?: string;
  /**
   * Problems that only a restart can solve; empty if there are none. An API server that cannot be reached is not one: a restart does not
   * help.
   */
  readonly unhealthy: () => readonly string[];
  /** What the process still waits for before it can work; empty when it is ready. */
  readonly notReady: () => readonly string[];
  readonly metrics: { page(): Promise<string>; readonly contentType: string };
};

export type HealthServer = { readonly port: number; close(): Promise<void> };

/**
 * After this time without activity a reflector hangs: it is longer than its longest watch (330 s) and its longest wait (300 s) together.
 */
const STUCK_MS = 660_000;

/** Messages about reflectors that neither receive anything, nor try, nor wait. */
export function stuckReflectors(reflectors: Readonly<Record<string, { quietMs(): number }>>): readonly string[] {
  return Object.entries(reflectors).flatMap(([name, reflector]) =>
    reflector.quietMs() > STUCK_MS
      ? [`the reflector of ${name} has shown no activity for ${Math.round(reflector.quietMs() / 1000)} s`]
      : [],
  );
}

function answer(response: ServerResponse, code: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text);
}

/** Starts the server. Any answer at all proves that the event loop runs. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { unhealthy, notReady, metrics } = options;
  const check = (response: ServerResponse, complaints: readonly string[]): void =>
    complaints.length === 0 ? answer(response, 200, 'ok\n') : answer(response, 503, `${complaints.join('\n')}\n`);
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(response, 405, 'only GET is supported\n');
    else if (path === '/healthz') check(response, unhealthy());
    else if (path === '/readyz') check(response, [...unhealthy(), ...notReady()]);
    else if (path === '/metrics') {
      metrics.page().then(
        (page) => answer(response, 200, page, metrics.contentType),
        (error: unknown) => answer(response, 500, `${String(error)}\n`),
      );
    } else answer(response, 404, 'not found: use /healthz, /readyz or /metrics\n');
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
