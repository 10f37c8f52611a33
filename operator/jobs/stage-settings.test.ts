import { describe, expect, it } from 'vitest';
import { artifactsVolume, isDigest } from './stage-settings.ts';

describe('the claim that holds artifacts', () => {
  it.each(['/artifacts', 'file:///artifacts'])('is mounted at the path of %s', (uri) => {
    expect(artifactsVolume('shared', uri)).toEqual({ claimName: 'shared', mountPath: '/artifacts' });
  });

  it.each(['s3://bucket/carpal', 'artifacts', '/', 'file:///'])('is refused for "%s"', (uri) => {
    expect(() => artifactsVolume('shared', uri)).toThrow(`a claim cannot be mounted at ${uri}`);
  });

  it.each(['', 'file://host/artifacts', 'file:///a%2Fb', 'ftp://host/a'])('is refused for "%s", which names no store', (uri) => {
    expect(() => artifactsVolume('shared', uri)).toThrow(expect.objectContaining({ code: 'artifact-store-unsupported', exit: 64 }));
  });
});

const DIGEST = `sha256:${'0a'.repeat(32)}`;

it.each([
  [`registry:5000/carpal@${DIGEST}`, true],
  [`carpal:0.1.0@${DIGEST}`, true],
  ['carpal:0.1.0', false],
  ['carpal', false],
  ['carpal@sha256:0a', false],
  [`carpal@${DIGEST}0`, false],
  [DIGEST, false],
])('%s names an image by digest: %s', (image, named) => {
  expect(isDigest(image)).toBe(named);
});
