import { experimentSchema } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
import { jobManifest } from '../jobs/job-manifest.ts';
import { stageSettings } from '../jobs/stage-settings.ts';
import { stageObjects } from './experiment-namespace.ts';
import { manifestSettings } from './manifest-settings.ts';
import { networkPeer, tcp, toStore } from './network-peer.ts';

describe('networkPeer', () => {
  it.each([
    ['10.0.0.0/8:9000', { to: { ipBlock: { cidr: '10.0.0.0/8' } }, port: 9000 }],
    ['fd00::/8:443', { to: { ipBlock: { cidr: 'fd00::/8' } }, port: 443 }],
    ['minio:9000', { to: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'minio' } } }, port: 9000 }],
  ])('reads %s', (text, peer) => {
    expect(networkPeer(text)).toEqual(peer);
  });

  it.each([
    'minio',
    'minio:0',
    'minio:65536',
    'Minio:9000',
    '10.0.0.0/33:9000',
    '10.0.0/8:9000',
    'fd00::/129:443',
    'http://minio:9000',
    ':80',
  ])('refuses %s', (text) => {
    expect(networkPeer(text)).toBeUndefined();
  });
});

describe('toStore', () => {
  it.each([
    [{}, [443]],
    [{ AWS_ENDPOINT_URL_S3: 'https://s3.example' }, [443]],
    [{ AWS_ENDPOINT_URL_S3: 'http://minio.minio:9000' }, [443, 9000]],
    [{ AWS_ENDPOINT_URL: 'http://minio.minio' }, [443, 80]],
    [{ AWS_ENDPOINT_URL_S3: 'https://s3.example', AWS_ENDPOINT_URL: 'http://other:1' }, [443]],
  ])('allows the port of the endpoint in %j, and 443', (env, ports) => {
    expect(toStore(undefined, env)).toEqual([{ ports: ports.map(tcp) }]);
  });
});

describe('the NetworkPolicy of stages', () => {
  it('selects the pods of every stage', () => {
    const policy = stageObjects(manifestSettings(), 'hands').find((object) => Reflect.get(object, 'kind') === 'NetworkPolicy');
    expect(policy).toMatchObject({ metadata: { namespace: 'hands' }, spec: { policyTypes: ['Ingress', 'Egress'] } });
    const { matchLabels } = (policy as { readonly spec: { readonly podSelector: { readonly matchLabels: object } } }).spec.podSelector;
    const experiment = experimentSchema.parse({
      apiVersion: 'carpal.dev/v1alpha1',
      kind: 'SegmentationExperiment',
      metadata: { name: 'wrist', namespace: 'hands', uid: 'u1' },
      spec: { dataset: { uri: 's3://hands' }, model: { name: 'UNet' } },
    });
    const settings = stageSettings({ image: 'carpal', artifactsUri: 's3://bucket' });
    for (const key of [{ stage: 'prepare' }, { stage: 'fold', fold: 0 }, { stage: 'ensemble' }] as const) {
      const { spec } = jobManifest(experiment, { ...key, attempt: 1, name: 'one' }, settings) as {
        readonly spec: { readonly template: { readonly metadata: { readonly labels: object } } };
      };
      expect(spec.template.metadata.labels).toMatchObject(matchLabels);
    }
  });
});
