import { fileURLToPath } from 'node:url';
import { iamPolicy } from '@carpal/operator/install/iam-policy.ts';
import { DNS, POD_IDENTITY, tcp } from '@carpal/operator/install/network-peer.ts';
import { carpal, run } from '@carpal/testbed/cli/run-cli.ts';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';

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
    expect(kindsOf(stdout)).toEqual(['Namespace', 'ServiceAccount', 'NetworkPolicy', 'RoleBinding', 'ConfigMap']);
    for (const line of [
      'automountServiceAccountToken: false',
      '  namespace: carpal-system',
      '  datasets.radiology: |',
      '    s3://zoo',
      '    gpu',
      '  name: carpal-operator-run.carpal-system',
    ])
      expect(stdout.split('\n')).toContain(line);
  });

  it('limits everything that a namespace may name, and allows nothing with an empty value', async () => {
    const { code, stdout } = await manifests(
      ...['--for-namespace', 'radiology', '--service-account', '', '--priority-class', 'normal', '--workload-priority-class', 'normal'],
      ...['--toleration', 'nvidia.com/gpu', '--toleration', 'spot:NoSchedule', '--node-selector', 'pool=gpu', '--report', 'slack:#xray'],
    );
    expect(code).toBe(0);
    expect(parseDocument(stdout.split('\n---\n').at(-1) ?? '').toJS().data).toEqual({
      'serviceAccounts.radiology': '',
      'priorityClasses.radiology': 'normal\n',
      'workloadPriorityClasses.radiology': 'normal\n',
      'tolerations.radiology': 'nvidia.com/gpu\nspot:NoSchedule\n',
      'nodeSelectors.radiology': 'pool=gpu\n',
      'reports.radiology': 'slack:#xray\n',
    });
  });

  it('separates what needs an administrator of the cluster from the rest', async () => {
    const given = ['--image', IMAGE, '--artifacts', 's3://bucket', '--watch-namespace', 'radiology'];
    const [all, cluster, rest] = await Promise.all([
      manifests(...given),
      manifests(...given, '--scope', 'cluster'),
      manifests(...given, '--scope', 'namespaces'),
    ]);
    expect(`${cluster.stdout}---\n${rest.stdout}`).toBe(all.stdout);
    expect(kindsOf(rest.stdout).filter((kind) => kind.startsWith('Cluster') || kind === 'Namespace')).toEqual([]);
    expect(rest.stdout.split('\n---\n').filter((document) => !/^ {2}namespace: /m.test(document))).toEqual([]);
  });

  it('lets stages connect only to the servers that were given, and the operator to an MLflow server in the cluster', async () => {
    const { stdout } = await manifests(
      ...['--image', IMAGE, '--artifacts', 's3://bucket', '--experiments', 'radiology'],
      ...['--allow-store', 'minio:9000', '--allow-store', '10.0.0.0/8:443', '--allow-mlflow', 'mlflow:5000'],
    );
    const policies = stdout
      .split('\n---\n')
      .map((document) => parseDocument(document).toJS())
      .filter(({ kind }) => kind === 'NetworkPolicy');
    const stores = [
      {
        to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'minio' } } }],
        ports: [{ protocol: 'TCP', port: 9000 }],
      },
      { to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ protocol: 'TCP', port: 443 }] },
    ];
    const mlflow = {
      to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'mlflow' } } }],
      ports: [{ protocol: 'TCP', port: 5000 }],
    };
    expect(policies.map(({ metadata, spec }) => [metadata.name, spec.egress])).toEqual([
      ['carpal-stage', [DNS, ...stores, POD_IDENTITY]],
      ['carpal-operator', [DNS, { ports: [tcp(443), tcp(6443)] }, ...stores, mlflow, POD_IDENTITY]],
    ]);
    expect(policies[0]?.spec).not.toHaveProperty('ingress');
  });

  it('prints the CronJob that prunes artifacts only if it is asked for, with its own account', async () => {
    const given = ['--image', IMAGE, '--artifacts', 's3://bucket'];
    const [without, daily, weekly] = await Promise.all([
      manifests(...given),
      manifests(...given, '--prune'),
      manifests(...given, '--watch-namespace', 'radiology', '--prune', '0 4 * * 0'),
    ]);
    expect(without.stdout).not.toContain('prune');
    expect(daily.stdout).toContain('schedule: 17 3 * * *');
    expect(daily.stdout).toContain('serviceAccountName: carpal-prune\n');
    expect(weekly.stdout).toContain('schedule: 0 4 * * 0');
    expect(weekly.stdout).toContain('- --namespace=radiology');
    expect(kindsOf(weekly.stdout)).not.toContain('ClusterRoleBinding');
  });

  it('prints the IAM policy of a role', async () => {
    const given = ['--artifacts', 's3://bucket/carpal', '--for-namespace', 'radiology', '--dataset', 's3://hands'];
    const { code, stdout } = await manifests('--iam-policy', 'stages', ...given);
    const expected = iamPolicy({ role: 'stages', artifactsUri: 's3://bucket/carpal', namespace: 'radiology', readable: ['s3://hands'] });
    expect([code, JSON.parse(stdout)]).toEqual([0, expected]);
  });

  it.each([
    [['--namespace', 'Big'], 'lower-case letters'],
    [['--env', 'x'], 'NAME=VALUE'],
    [['--dataset', 's3://x'], '--for-namespace'],
    [['--report', 'slack:#x'], '--for-namespace'],
    [['--allow-store', 'minio'], 'NAMESPACE:PORT'],
    [['--allow-mlflow', '10.0.0.0/40:5000'], 'CIDR:PORT'],
    [['--iam-policy', 'stages', '--artifacts', 's3://bucket'], 'Name the namespace with --for-namespace'],
    [['--iam-policy', 'operator'], 'Give --artifacts'],
    [['--iam-policy', 'operator', '--artifacts', '/artifacts', '--artifacts-claim', 'shared'], 'is not in S3'],
    [['--scope', 'moon'], 'cluster, namespaces'],
    [['--artifacts', '/artifacts'], 'Name the claim with --artifacts-claim'],
    [['--artifacts', 's3://x', '--artifacts-claim', 'shared'], 'a claim cannot be mounted at s3://x'],
    [['--environment', 'moon'], 'there is no environment "moon"'],
  ])('refuses %j', async (args, said) => {
    const { code, stdout, stderr } = await manifests(...args);
    expect([code === 0, stdout]).toEqual([false, '']);
    expect(stderr).toContain(said);
  });
});
