import { tmpdir } from 'node:os';
import { carpal, run } from '@carpal/testbed/cli/run-cli.ts';
import { describe, expect, it } from 'vitest';

const bench = (...words: readonly string[]) => run(carpal('bench', ...words), tmpdir());

describe('carpal bench', () => {
  it('lists its cases', async () => {
    const { code, stdout } = await bench('--help');
    expect(code).toBe(0);
    for (const name of ['step-NETWORK-SIZE[-bfloat16][-batchN]', 'operator-rest', 'soak', 'results'])
      expect(stdout).toContain(`\n  ${name}\n`);
  });

  it('suggests the case that was likely meant', async () => {
    const { code, stdout, stderr } = await bench('vote', 'operator-rest1');
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('there is no benchmark case "operator-rest1"');
    expect(stderr).toContain('Did you mean operator-rest?');
  });
});

describe('carpal bench --check', () => {
  it.concurrent.for([
    [['--check', '--write'], '--write would replace the figures that --check compares with'],
    [['soak', '--check'], 'only ratios can be checked, and soak has none'],
    [['operator-rest', '--check'], 'only ratios can be checked, and operator-rest has none'],
  ] as const)('rejects %j, which would compare nothing', async ([words, what]) => {
    expect(await bench(...words)).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining(what) });
  });

  it('fails if no baseline can be measured; without --check the cases are skipped', async () => {
    const withoutPython = (...words: readonly string[]) => run(['/usr/bin/env', 'PATH=/nowhere', ...carpal('bench', ...words)], tmpdir());
    expect(await withoutPython('--check')).toMatchObject({ code: 69, stdout: '', stderr: expect.stringContaining('resource-missing: ') });
    expect(await withoutPython()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^skipped: /) });
    expect(await withoutPython('--json')).toMatchObject({ code: 0, stdout: '[]\n', stderr: expect.stringMatching(/^skipped: /) });
  });
});
