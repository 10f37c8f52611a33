import { describe, expect, it } from 'vitest';
import { artifactsVolume } from './stage-settings.ts';

describe('the claim that artifacts lie on', () => {
  it.each(['/artifacts', 'file:///artifacts'])('is mounted where %s says', (uri) => {
    expect(artifactsVolume('shared', uri)).toEqual({ claimName: 'shared', mountPath: '/artifacts' });
  });

  it.each(['s3://bucket/carpal', 'artifacts', '', '/', 'file:///', 'file://host/artifacts'])('is refused for "%s"', (uri) => {
    expect(() => artifactsVolume('shared', uri)).toThrow(`a claim cannot be mounted at ${uri}`);
  });
});
