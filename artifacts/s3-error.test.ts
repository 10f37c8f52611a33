import { CarpalError } from '@carpal/configs/errors.ts';
import { describe, expect, it } from 'vitest';
import { s3Error, s3Fault, withoutSecrets } from './s3-error.ts';

const answer = (status: number, name: string, message = ''): unknown =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
const system = (code: string): unknown => Object.assign(new Error(code), { code });

describe('s3Fault', () => {
  it.each([
    ['absent', answer(404, 'NoSuchKey')],
    ['unchanged', answer(304, '304')],
    ['changed', answer(412, 'PreconditionFailed')],
    ['away', answer(503, 'SlowDown')],
    ['away', answer(599, 'Whatever')],
    ['away', answer(429, 'TooManyRequests')],
    ['away', answer(400, 'RequestTimeout')],
    ['away', system('ECONNRESET')],
    ['away', system('EAI_AGAIN')],
    ['away', new Error('Checksum mismatch: expected "a" but received "b"')],
    ['expired', answer(400, 'ExpiredToken')],
    ['expired', answer(403, 'RequestTimeTooSkewed')],
    ['denied', answer(403, 'AccessDenied')],
    ['denied', answer(403, 'Unknown')],
    ['misplaced', answer(404, 'NoSuchBucket')],
    ['misplaced', answer(404, 'NotFound')],
    ['misplaced', answer(301, 'PermanentRedirect')],
    ['misplaced', system('CERT_HAS_EXPIRED')],
    ['other', answer(400, 'KeyTooLongError')],
    ['other', new TypeError('x is not a function')],
    ['other', undefined],
  ])('is %s for %s', (fault, error) => {
    expect(s3Fault(error)).toBe(fault);
  });
});

describe('s3Error', () => {
  it('leaves faults of the program and errors for people as they are', () => {
    const bug = new TypeError('x is not a function');
    const told = new CarpalError('disk-full', 'the disk is full');
    expect(s3Error(bug, 's3://b/a')).toBe(bug);
    expect(s3Error(told, 's3://b/a')).toBe(told);
  });

  it('tells name, status, words and place of an answer, and keeps nothing of the request', () => {
    const error = Object.assign(answer(400, 'KeyTooLongError', 'Your key\n is too long') as Error, { $response: { headers: {} } });
    const told = s3Error(error, 's3://b/a');
    const message = 'the artifact store answers with an error: KeyTooLongError (HTTP 400), Your key is too long';
    expect(told).toMatchObject({ code: 'artifact-store-failed', message, where: 's3://b/a' });
    expect(told).not.toHaveProperty('cause');
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
  ])('makes of %s what may be shown', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
  });
});
