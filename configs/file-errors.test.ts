import { open } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { systemErrorCode, withWriteErrors, writeError } from './file-errors.ts';

/** An error as Node throws it. */
const systemError = (code: string): Error => Object.assign(new Error(code), { code });

describe('writeError', () => {
  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EACCES', 'folder-unwritable'],
    ['EPERM', 'folder-unwritable'],
    ['EROFS', 'folder-unwritable'],
    ['ENOTDIR', 'folder-unwritable'],
    ['EEXIST', 'folder-unwritable'],
  ])('turns %s into %s with the path and the cause', (system, code) => {
    const cause = systemError(system);
    expect(writeError(cause, 'out/a.csv')).toMatchObject({ code, where: 'out/a.csv', cause });
  });

  it('leaves every other error unchanged', () => {
    for (const error of [systemError('EIO'), new Error('other'), 'text', undefined]) expect(writeError(error, 'a')).toBe(error);
  });
});

describe('withWriteErrors', () => {
  it('recognises a full device', async () => {
    const work = async (): Promise<void> => {
      const file = await open('/dev/full', 'w');
      try {
        await file.writeFile('x');
      } finally {
        await file.close();
      }
    };
    await expect(withWriteErrors('/dev/full', work)).rejects.toMatchObject({ code: 'disk-full', exit: 74, where: '/dev/full' });
  });

  it('returns the result of the work', async () => {
    expect(await withWriteErrors('a', async () => 3)).toBe(3);
  });
});

describe('systemErrorCode', () => {
  it('returns the code of system errors only', () => {
    expect(systemErrorCode(systemError('EIO'))).toBe('EIO');
    expect([systemErrorCode(new Error('x')), systemErrorCode('EIO'), systemErrorCode(undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
