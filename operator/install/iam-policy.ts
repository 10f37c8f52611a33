/** The IAM policies that separate namespaces in one bucket: the rights of stages, of the operator and of the CronJob that prunes. */
import { CarpalError } from '@carpal/configs/errors.ts';

export type IamRole = 'stages' | 'operator' | 'prune';
export type IamPolicy = { readonly Version: '2012-10-17'; readonly Statement: readonly object[] };

type Store = { readonly bucket: string; readonly prefix: string };

/** The bucket and the prefix of an s3:// address, without slashes at its ends. Throws `usage-invalid` for other addresses. */
function storeOf(uri: string, where: string): Store {
  const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]*)(?:\/(.*))?$/.exec(uri) ?? [];
  if (bucket === undefined)
    throw new CarpalError('usage-invalid', `${uri} is not in S3, and IAM policies exist for S3 only`, {
      where,
      fix: 'Give s3://bucket/prefix.',
    });
  return { bucket, prefix: joined(...path.split('/')) };
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('/');

/** What each role may do with objects below the folders of its experiments and of their prepared data sets. */
const ACTIONS: Readonly<Record<IamRole, readonly string[]>> = {
  // Large objects are uploaded in parts.
  stages: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
  operator: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
  prune: ['s3:GetObject', 's3:DeleteObject'],
};

type Reach = {
  readonly role: IamRole;
  /** The artifact store: `s3://bucket/prefix`. */
  readonly artifactsUri: string;
  /** The only namespace; absent for all. The stages of several namespaces must not share a policy. */
  readonly namespace?: string;
  /** Data sets and weights that may be read: `s3://bucket/prefix`. */
  readonly readable?: readonly string[];
};

/**
 * The policy of one role. `s3:ListBucket` is restricted to the same keys: without it, S3 answers 403 instead of 404 for an object that
 * does not exist yet. Throws `usage-invalid` for addresses that are not in S3.
 */
export function iamPolicy({ role, artifactsUri, namespace, readable = [] }: Reach): IamPolicy {
  const { bucket, prefix } = storeOf(artifactsUri, '--artifacts');
  // The operator reads and removes artifacts of experiments, and never a prepared data set.
  const parts = role === 'operator' ? ['experiments'] : ['experiments', 'datasets/prepared'];
  const folders = parts.map((part) => joined(prefix, part, namespace ?? ''));
  const data = readable.map((uri) => storeOf(uri, '--dataset'));
  return {
    Version: '2012-10-17',
    Statement: [
      ...statements(bucket, folders, ACTIONS[role]),
      ...data.flatMap((at) => statements(at.bucket, [at.prefix], ['s3:GetObject'])),
    ],
  };
}

/** An object of this key, and everything below it. */
const atOrBelow = (key: string): readonly string[] => (key === '' ? ['*'] : [key, `${key}/*`]);

/** Actions on the objects at and below these keys, and the right to list them. */
function statements(bucket: string, keys: readonly string[], actions: readonly string[]): readonly object[] {
  const patterns = keys.flatMap(atOrBelow);
  return [
    { Effect: 'Allow', Action: actions, Resource: patterns.map((pattern) => `arn:aws:s3:::${bucket}/${pattern}`) },
    {
      Effect: 'Allow',
      Action: 's3:ListBucket',
      Resource: `arn:aws:s3:::${bucket}`,
      Condition: { StringLike: { 's3:prefix': patterns } },
    },
  ];
}
