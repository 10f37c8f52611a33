/** A proxy between a store and its server that fails in the ways in which networks and servers fail. */
import { createServer, connect as open, type Socket } from 'node:net';

/**
 * `pass`: no fault; `drop`: closes every connection; `stall`: accepts connections and never answers; a number: cuts the connection after
 * this many bytes of an answer; otherwise an answer in place of the server's: an error of S3, or the page of a proxy.
 */
export type Fault =
  | 'pass'
  | 'drop'
  | 'stall'
  | number
  | { readonly status: number; readonly code: string; readonly message?: string }
  | { readonly status: number; readonly html: string };

export type FaultyProxy = {
  readonly port: number;
  /** Sets the fault for all further connections and closes the open ones. */
  set(fault: Fault): void;
  /** Runs `during` when this many requests have arrived since `set`. */
  after(requests: number, during: () => void): void;
  /** The number of requests since `set`. */
  readonly requests: number;
  close(): Promise<void>;
};

/** Starts a proxy for a port of this machine. */
export async function startFaultyProxy(targetPort: number): Promise<FaultyProxy> {
  let fault: Fault = 'pass';
  let requests = 0;
  let waiting: { count: number; during: () => void } | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => client.destroy()).on('close', () => sockets.delete(client));
    client.on('data', (bytes) => count(bytes));
    if (fault === 'drop') client.destroy();
    else if (typeof fault === 'object') client.once('data', () => client.end(answerOf(fault)));
    else if (fault === 'stall') client.resume();
    else forward(client, targetPort, typeof fault === 'number' ? fault : Number.POSITIVE_INFINITY);
  });
  const count = (bytes: Buffer): void => {
    if (!/^(GET|PUT|POST|DELETE|HEAD) /.test(bytes.toString('latin1', 0, 8))) return;
    requests += 1;
    if (waiting === undefined || requests < waiting.count) return;
    const { during } = waiting;
    waiting = undefined;
    during();
  };
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get requests() {
      return requests;
    },
    set(next) {
      fault = next;
      requests = 0;
      for (const socket of sockets) socket.destroy();
    },
    after(after, during) {
      waiting = { count: after, during };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => void server.close(done));
    },
  };
}

function forward(client: Socket, port: number, limit: number): void {
  const upstream = open(port, '127.0.0.1');
  let left = limit;
  upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
  client.on('close', () => upstream.destroy()).on('data', (bytes) => upstream.write(bytes));
  upstream.on('data', (bytes) => {
    client.write(bytes.subarray(0, left));
    left -= bytes.length;
    if (left <= 0) client.destroySoon();
  });
}

function answerOf(fault: Fault): string {
  if (typeof fault !== 'object') return '';
  const body =
    'html' in fault
      ? fault.html
      : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${fault.code}</Code><Message>${fault.message ?? ''}</Message></Error>`;
  const head = [
    `HTTP/1.1 ${fault.status} Fault`,
    `Content-Type: ${'html' in fault ? 'text/html' : 'application/xml'}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
