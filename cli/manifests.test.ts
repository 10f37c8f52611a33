import { fileURLToPath } from 'node:url';
import { carpal, run } from '@carpal/testbed/cli/run-cli.ts';
import { describe, expect, it } from 'vitest';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const manifests = (...args: string[]) => run(carpal('manifests', ...args), PROJECT);

const IMAGE = `registry.example/carpal@sha256:${'0'.repeat(64)}`;

/** The kinds of the documents, in order. */
const kindsOf = (text: string): string[] => text.split('\n---\n').map((document) => /^kind: (.*)$/m.exec(document)?.[1] ?? '');

describe('carpal manifests', () => {
  it('prints an installation in the order in which it can be applied, the same every time', async () => {
    const given = ['--environment', 'eks-v100', '--image', IMAGE, '--artifacts', 's3://bucket/carpal', '--monitoring'];
    const [first, second] = await Promise.all([manifests(...given), manifests(...given)]);
    expect(first).toMatchObject({ code: 0, stderr: '', stdout: second.stdout });
    const kinds = kindsOf(first.stdout);
    expect(kinds[0]).toBe('Namespace');
    expect(kinds.indexOf('CustomResourceDefinition')).toBeLessThan(kinds.indexOf('ValidatingAdmissionPolicy'));
    expect(kinds.indexOf('ServiceAccount')).toBeLessThan(kinds.indexOf('Deployment'));
    expect(kinds).toEqual(expect.arrayContaining(['PodDisruptionBudget', 'NetworkPolicy', 'Service', 'ServiceMonitor', 'PrometheusRule']));
    expect(first.stdout).toContain('--stage-env=AWS_REGION=us-east-1');
  });

  it('prints an installation with its artifacts on a shared disk', async () => {
    const { code, stdout } = await manifests('--artifacts', '/artifacts', '--artifacts-claim', 'shared', '--pull-secret', 'registry');
    expect(code).toBe(0);
    for (const line of ['--artifacts-claim=shared', 'claimName: shared', 'mountPath: /artifacts', '--pull-secret=registry'])
      expect(stdout).toContain(line);
  });

  it('prints an installation for one namespace, whose operator may use its own Lease', async () => {
    const { code, stdout } = await manifests('--image', IMAGE, '--artifacts', 's3://bucket', '--watch-namespace', 'radiology');
    expect(code).toBe(0);
    expect(stdout).toContain('--watch-namespace=radiology');
    expect(stdout).toMatch(/resourceNames:\s+- carpal-operator-radiology\n/);
  });

  it('names each placeholder on standard error', async () => {
    const { code, stdout, stderr } = await manifests();
    expect([code, stderr]).toEqual([0, expect.stringContaining('--image and --artifacts')]);
    expect(kindsOf(stdout).length).toBeGreaterThan(12);
  });

  it.each([
    ['registry.example:5000/carpal', true],
    ['registry.example/carpal:v1', true],
    [IMAGE, false],
  ])('warns on standard error about the image %s, which is not fixed: %s', async (image, says) => {
    const { code, stdout, stderr } = await manifests('--image', image, '--artifacts', 's3://bucket/carpal');
    expect([code, stderr.includes('not a digest')]).toEqual([0, says]);
    expect(stdout).toContain(image);
  });

  it('prints only what a further namespace of experiments needs', async () => {
    const { stdout } = await manifests(
      '--for-namespace',
      'radiology',
      '--dataset',
      's3://hands',
      '--weights',
      's3://zoo',
      '--queue',
      'gpu',
    );
    expect(kindsOf(stdout)).toEqual(['ServiceAccount', 'ConfigMap']);
    for (const line of [
      'automountServiceAccountToken: false',
      '  namespace: carpal-system',
      '  datasets.radiology: |',
      '    s3://zoo',
      '    gpu',
    ])
      expect(stdout.split('\n')).toContain(line);
  });

  it.each([
    [['--namespace', 'Big'], 'lower-case letters'],
    [['--env', 'x'], 'NAME=VALUE'],
    [['--dataset', 's3://x'], '--for-namespace'],
    [['--artifacts', '/artifacts'], 'Name the claim with --artifacts-claim'],
    [['--artifacts', 's3://x', '--artifacts-claim', 'shared'], 'a claim cannot be mounted at s3://x'],
    [['--environment', 'moon'], 'there is no environment "moon"'],
  ])('refuses %j', async (args, said) => {
    const { code, stdout, stderr } = await manifests(...args);
    expect([code === 0, stdout]).toEqual([false, '']);
    expect(stderr).toContain(said);
  });
});
