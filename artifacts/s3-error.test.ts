import { CarpalError } from '@carpal/configs/errors.ts';
import { describe, expect, it } from 'vitest';
import { s3Error, s3Fault, withoutSecrets } from './s3-error.ts';

const response = (status: number, name: string, message = ''): unknown =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
const system = (code: string): unknown => Object.assign(new Error(code), { code });

describe('s3Fault', () => {
  it.each([
    ['absent', response(404, 'NoSuchKey')],
    ['unchanged', response(304, '304')],
    ['changed', response(412, 'PreconditionFailed')],
    ['unavailable', response(503, 'SlowDown')],
    ['unavailable', response(599, 'Whatever')],
    ['unavailable', response(429, 'TooManyRequests')],
    ['unavailable', response(400, 'RequestTimeout')],
    ['unavailable', system('ECONNRESET')],
    ['unavailable', system('EAI_AGAIN')],
    ['unavailable', new Error('Checksum mismatch: expected "a" but received "b"')],
    ['expired', response(400, 'ExpiredToken')],
    ['expired', response(403, 'RequestTimeTooSkewed')],
    ['denied', response(403, 'AccessDenied')],
    ['denied', response(403, 'Unknown')],
    ['misplaced', response(404, 'NoSuchBucket')],
    ['misplaced', response(404, 'NotFound')],
    ['misplaced', response(200, 'Error', 'XML parse error: Deserialization error')],
    ['misplaced', response(301, 'PermanentRedirect')],
    ['misplaced', system('CERT_HAS_EXPIRED')],
    ['other', response(400, 'KeyTooLongError')],
    ['other', new TypeError('x is not a function')],
    ['other', undefined],
  ])('is %s for %s', (fault, error) => {
    expect(s3Fault(error)).toBe(fault);
  });
});

describe('s3Error', () => {
  it('does not change bugs and errors that are already for users', () => {
    const bug = new TypeError('x is not a function');
    const reported = new CarpalError('disk-full', 'the disk is full');
    expect(s3Error(bug, 's3://b/a')).toBe(bug);
    expect(s3Error(reported, 's3://b/a')).toBe(reported);
  });

  it('contains name, status, message and location of a response, and no part of the request', () => {
    const error = Object.assign(response(400, 'KeyTooLongError', 'Your key\n is too long') as Error, { $response: { headers: {} } });
    const reported = s3Error(error, 's3://b/a');
    const message = 'the artifact store returned an error: KeyTooLongError (HTTP 400), Your key is too long';
    expect(reported).toMatchObject({ code: 'artifact-store-failed', message, where: 's3://b/a' });
    expect(reported).not.toHaveProperty('cause');
  });
});

describe('withoutSecrets', () => {
  it.each([
    ['the key AKIAIOSFODNN7EXAMPLE is unknown', 'the key *** is unknown'],
    ['secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY!', 'secret ***!'],
    ['http://kim:pass@host:9000/x refused', 'http://***@host:9000/x refused'],
    ['?X-Amz-Signature=0f0f&X-Amz-Credential=AKIA/x&a=1', '?X-Amz-Signature=***&X-Amz-Credential=***&a=1'],
    ['arn:aws:iam::123456789012:role/trainer', 'arn:aws:iam::123456789012:role/trainer'],
    ['s3://hands/experiments/default/quickstart/folds/0/progress.json', 's3://hands/experiments/default/quickstart/folds/0/progress.json'],
  ])('removes secrets from %s', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
  });
});
