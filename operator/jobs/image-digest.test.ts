import { expect, it } from 'vitest';
import { isDigest } from './image-digest.ts';

const DIGEST = `sha256:${'0a'.repeat(32)}`;

it.each([
  [`registry:5000/carpal@${DIGEST}`, true],
  [`carpal:0.1.0@${DIGEST}`, true],
  ['carpal:0.1.0', false],
  ['carpal', false],
  ['carpal@sha256:0a', false],
  [`carpal@${DIGEST}0`, false],
  [DIGEST, false],
])('%s is named by its digest: %s', (image, named) => {
  expect(isDigest(image)).toBe(named);
});
