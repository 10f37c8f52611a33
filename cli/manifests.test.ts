import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { carpal, run } from './testing/run-cli.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const manifests = (...args: string[]) => run(carpal('manifests', ...args), PROJECT);

type Printed = { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string } };
const parsed = (text: string): Printed[] => parseAllDocuments(text).map((document) => document.toJS() as Printed);

describe('carpal manifests', () => {
  it('prints an installation in the order in which it can be applied, the same every time', async () => {
    const given = ['--environment', 'eks-v100', '--image', 'carpal@sha256:1', '--artifacts', 's3://bucket/carpal', '--monitoring'];
    const [first, second] = await Promise.all([manifests(...given), manifests(...given)]);
    expect(first).toMatchObject({ code: 0, stderr: '', stdout: second.stdout });
    const kinds = parsed(first.stdout).map(({ kind }) => kind);
    expect(kinds[0]).toBe('Namespace');
    expect(kinds.indexOf('CustomResourceDefinition')).toBeLessThan(kinds.indexOf('ValidatingAdmissionPolicy'));
    expect(kinds.indexOf('ServiceAccount')).toBeLessThan(kinds.indexOf('Deployment'));
    expect(kinds).toEqual(expect.arrayContaining(['PodDisruptionBudget', 'NetworkPolicy', 'Service', 'ServiceMonitor', 'PrometheusRule']));
    expect(first.stdout).toContain('--stage-env=AWS_REGION=us-east-1');
  });

  it('says on standard error that a placeholder is one', async () => {
    const { code, stdout, stderr } = await manifests();
    expect([code, stderr]).toEqual([0, expect.stringContaining('--image and --artifacts')]);
    expect(parsed(stdout).length).toBeGreaterThan(12);
  });

  it('prints only what a further namespace of experiments needs', async () => {
    const { stdout } = await manifests('--for-namespace', 'radiology', '--dataset', 's3://hands', '--queue', 'gpu');
    expect(parsed(stdout)).toMatchObject([
      { kind: 'ServiceAccount', metadata: { name: 'carpal-stage', namespace: 'radiology' }, automountServiceAccountToken: false },
      {
        kind: 'ConfigMap',
        metadata: { name: 'carpal-limits', namespace: 'carpal-system' },
        data: { 'datasets.radiology': 's3://hands\n', 'queues.radiology': 'gpu\n' },
      },
    ]);
  });

  it.each([
    [['--namespace', 'Big'], 'lower-case letters'],
    [['--env', 'x'], 'NAME=VALUE'],
    [['--dataset', 's3://x'], '--for-namespace'],
    [['--environment', 'moon'], 'there is no environment "moon"'],
  ])('refuses %j', async (args, said) => {
    const { code, stdout, stderr } = await manifests(...args);
    expect([code === 0, stdout]).toEqual([false, '']);
    expect(stderr).toContain(said);
  });
});
