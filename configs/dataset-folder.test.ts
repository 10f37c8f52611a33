import { describe, expect, it } from 'vitest';
import { datasetFolder } from './dataset-folder.ts';

describe('datasetFolder', () => {
  it.each([
    ['data/phantoms', '/home/kim/data/phantoms'],
    ['./a/../b', '/home/kim/b'],
    ['/data/hands', '/data/hands'],
    ['file:///data/two%20hands', '/data/two hands'],
  ])('resolves %s to %s', (uri, folder) => {
    expect(datasetFolder(uri, '/home/kim')).toBe(folder);
  });

  it.each(['s3://bucket/hands', 'https://host/hands', 'file://host/hands'])(
    'rejects %s because it cannot be read on this machine',
    (uri) => {
      expect(() => datasetFolder(uri, '/home/kim')).toThrow(expect.objectContaining({ code: 'dataset-missing', where: uri }));
    },
  );
});
