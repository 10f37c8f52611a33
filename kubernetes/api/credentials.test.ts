import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPlainCredentials } from './credentials.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carpal-credentials-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

let nowMs = 0;
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const kubeconfig = (user: string, cluster = 'server: https://10.0.0.1:6443/k8s'): string =>
  file(
    'config',
    `
apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: here, context: {cluster: one, user: me, namespace: team}}
- {name: there, context: {cluster: two, user: me}}
clusters:
- {name: one, cluster: {${cluster}}}
users:
- {name: me, user: ${user}}
`,
  );
const open = (path: string, context?: string) =>
  openPlainCredentials({ kubeconfig: path, ...(context === undefined ? {} : { context }) }, () => nowMs);

describe('direct credentials in a kubeconfig', () => {
  it('can be a token', async () => {
    const found = await open(kubeconfig('{token: secret}'));
    expect(found?.server.href).toBe('https://10.0.0.1:6443/k8s');
    expect(found?.namespace).toBe('team');
    expect(await found?.options()).toEqual({ headers: { Authorization: 'Bearer secret' } });
  });

  it('can be a client certificate, as data or in files next to the kubeconfig', async () => {
    file('client.pem', 'CERT');
    const data = Buffer.from('KEY').toString('base64');
    const found = await open(
      kubeconfig(
        `{client-certificate: client.pem, client-key-data: ${data}}`,
        'server: https://h, tls-server-name: k8s, insecure-skip-tls-verify: true',
      ),
    );
    const { cert, key, ...rest } = (await found?.options()) ?? {};
    expect([String(cert), String(key)]).toEqual(['CERT', 'KEY']);
    expect(rest).toEqual({ servername: 'k8s', rejectUnauthorized: false, headers: {} });
  });

  it('can be a token file, which is read again every minute and after a rejection', async () => {
    file('token', 'first\n');
    const found = await open(kubeconfig('{tokenFile: token}'));
    const header = async (): Promise<unknown> => (await found?.options())?.headers;
    expect(await header()).toEqual({ Authorization: 'Bearer first' });
    file('token', 'second\n');
    expect(await header()).toEqual({ Authorization: 'Bearer first' });
    nowMs += 60_000;
    expect(await header()).toEqual({ Authorization: 'Bearer second' });
    file('token', 'third\n');
    found?.renew();
    expect(await header()).toEqual({ Authorization: 'Bearer third' });
  });

  it('are read again after a rejection, so that a kubeconfig can be replaced', async () => {
    const path = kubeconfig('{token: old}');
    const found = await open(path);
    kubeconfig('{token: new}');
    found?.renew();
    expect(await found?.options()).toEqual({ headers: { Authorization: 'Bearer new' } });
    writeFileSync(path, '{{{');
    found?.renew();
    expect(await found?.options()).toEqual({ headers: { Authorization: 'Bearer old' } });
  });

  it.each([
    ['programs', '{exec: {command: sh}}', undefined, undefined],
    ['names and passwords', '{username: a, password: b}', undefined, undefined],
    ['another user', '{token: a, as: b}', undefined, undefined],
    ['proxies', '{token: a}', 'server: https://h, proxy-url: http://p', undefined],
    ['a cluster that does not exist', '{token: a}', undefined, 'there'],
    ['a context that does not exist', '{token: a}', undefined, 'nowhere'],
    ['an authority that cannot be read', '{token: a}', 'server: https://h, certificate-authority: missing.pem', undefined],
  ])('are undefined with %s', async (_what, user, cluster, context) => {
    expect(await open(kubeconfig(user, cluster), context)).toBeUndefined();
  });
});
