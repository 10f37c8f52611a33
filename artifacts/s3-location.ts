import { CarpalError } from '@carpal/configs/errors.ts';
import { keyParts } from './key.ts';

export type S3Location = { readonly bucket: string /** '' or parts joined by `/`, without one at its ends. */; readonly prefix: string };

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * The bucket and prefix of `s3://bucket/prefix`. Throws `artifact-store-unsupported` where the URI is none such. A URI is never repeated in
 * an error: somebody may have written credentials into it.
 */
export function s3Location(uri: string): S3Location {
  const [bucket = '', ...parts] = uri.replace(/^s3:\/\//i, '').split('/');
  const refuse = (what: string): CarpalError =>
    new CarpalError('artifact-store-unsupported', what, {
      fix: 'Write s3://bucket/prefix; credentials, region and endpoint come from the environment.',
    });
  if (bucket.includes('@')) throw refuse('an S3 URI takes no credentials');
  if (!BUCKET.test(bucket)) throw refuse(`"${bucket.slice(0, 63)}" is no name of an S3 bucket`);
  const prefix = parts.join('/').replaceAll(/^\/+|\/+$/g, '');
  if (prefix !== '') keyParts(prefix);
  return { bucket, prefix };
}
