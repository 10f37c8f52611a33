/**
 * Vitest's global setup: one control plane for the whole run, which starts when the first test file asks for it. Test files run in their
 * own processes and ask over a socket; see use-control-plane.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '@carpal/configs/errors.ts';
import type { TestProject } from 'vitest/node';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    controlPlaneSocket: string;
  }
}

/** What a test file knows about the control plane that it shares. */
export type SharedControlPlane = Pick<ControlPlane, 'kubeconfig' | 'server' | 'folder' | 'auditLog'>;
type Answer = { readonly controlPlane: SharedControlPlane } | { readonly error: string };

/** Called by Vitest before the run. Vitest calls the returned function after the run. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'carpal-tests-'));
  const path = join(folder, 'socket');
  let started: Promise<ControlPlane> | undefined;
  const answer = async (asking: Socket): Promise<void> => {
    started ??= startControlPlane({ audit: true });
    const text: Answer = await started.then(
      ({ kubeconfig, server, folder: home, auditLog }) => ({ controlPlane: { kubeconfig, server, folder: home, auditLog } }),
      (error: unknown) => ({ error: messageOf(error) }),
    );
    asking.end(JSON.stringify(text));
  };
  const server = createServer((asking) => {
    asking.on('error', () => undefined);
    void answer(asking);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(path, resolve);
  });
  provide('controlPlaneSocket', path);
  return async () => {
    server.close();
    const controlPlane = await started?.catch(() => undefined);
    await controlPlane?.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

/** Returns the control plane of the run and starts it if necessary. Throws if it cannot be started. */
export async function askForControlPlane(socket: string): Promise<SharedControlPlane> {
  const chunks: Buffer[] = [];
  for await (const chunk of createConnection(socket)) chunks.push(chunk as Buffer);
  const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Answer;
  if ('error' in answer) throw new Error(answer.error);
  return answer.controlPlane;
}
