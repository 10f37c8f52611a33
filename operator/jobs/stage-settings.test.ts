import { describe, expect, it } from 'vitest';
import { artifactsVolume } from './stage-settings.ts';

describe('the claim that artifacts lie on', () => {
  it.each(['/artifacts', 'file:///artifacts'])('is mounted where %s says', (uri) => {
    expect(artifactsVolume('shared', uri)).toEqual({ claimName: 'shared', mountPath: '/artifacts' });
  });

  it.each(['s3://bucket/carpal', 'artifacts', '/', 'file:///'])('is refused for "%s"', (uri) => {
    expect(() => artifactsVolume('shared', uri)).toThrow(`a claim cannot be mounted at ${uri}`);
  });

  it.each(['', 'file://host/artifacts', 'file:///a%2Fb', 'ftp://host/a'])('says of "%s" that it names no store', (uri) => {
    expect(() => artifactsVolume('shared', uri)).toThrow(expect.objectContaining({ code: 'artifact-store-unsupported', exit: 64 }));
  });
});
