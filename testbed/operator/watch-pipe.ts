import type { IncomingMessage, ServerResponse } from 'node:http';
import { LineSplitter } from '@carpal/kubernetes/api/transport.ts';
import type { KubernetesObject, WatchEvent } from '@carpal/kubernetes/api/objects.ts';

/** A watch that passes through the proxy, event by event. */
export type WatchPipe = {
  /** The connection ends in the middle. */
  cut(): void;
  /** Nothing more comes, not even the end. */
  stall(): void;
  /** The server's word that the place in the history is lost, and the end. */
  expire(): void;
};

const EXPIRED = {
  type: 'ERROR',
  object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired', message: 'too old resource version' },
};

/** Passes events on; those that `keep` denies are swallowed. */
export function createWatchPipe(
  from: IncomingMessage,
  to: ServerResponse,
  keep: (event: WatchEvent<KubernetesObject>) => boolean,
): WatchPipe {
  const cutter = new LineSplitter();
  let isStalled = false;
  from.on('data', (chunk: Buffer) => {
    for (const line of cutter.push(chunk)) {
      if (!isStalled && keep(JSON.parse(line) as WatchEvent<KubernetesObject>)) to.write(`${line}\n`);
    }
  });
  from.on('end', () => isStalled || to.end());
  return {
    cut: () => void to.destroy(),
    stall: () => {
      isStalled = true;
    },
    expire: () => void to.end(`${JSON.stringify(EXPIRED)}\n`),
  };
}
