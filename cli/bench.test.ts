import { tmpdir } from 'node:os';
import { carpal, run } from '@carpal/testbed/cli/run-cli.ts';
import { describe, expect, it } from 'vitest';

const bench = (...words: readonly string[]) => run(carpal('bench', ...words), tmpdir());

describe('carpal bench', () => {
  it('lists its benchmarks by kind', async () => {
    const { code, stdout } = await bench('--help');
    expect(code).toBe(0);
    for (const name of ['step-NETWORK-SIZE[-bfloat16]', 'operator-200, operator-1000, operator-rest', 'soak', 'results'])
      expect(stdout).toContain(`\n  ${name}\n`);
  });

  it('names the benchmark that was likely meant, of all that there are', async () => {
    const { code, stdout, stderr } = await bench('vote', 'operater-rest');
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('there is no benchmark "operater-rest"');
    expect(stderr).toContain('Did you mean operator-rest?');
  });
});

describe('carpal bench --check', () => {
  it.concurrent.for([
    [['--check', '--write'], 'what is checked against would be written over first'],
    [['soak', '--check'], 'only ratios are checked, and soak has none'],
    [['operator-rest', '--check'], 'only ratios are checked, and operator-rest has none'],
  ] as const)('is refused with %j, which would compare nothing', async ([words, what]) => {
    expect(await bench(...words)).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining(what) });
  });

  it('fails where no peer can be measured; without it the benchmarks are skipped', async () => {
    const withoutPython = (...words: readonly string[]) => run(['/usr/bin/env', 'PATH=/nowhere', ...carpal('bench', ...words)], tmpdir());
    expect(await withoutPython('--check')).toMatchObject({ code: 69, stdout: '', stderr: expect.stringContaining('resource-missing: ') });
    expect(await withoutPython()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^skipped: /) });
    expect(await withoutPython('--json')).toMatchObject({ code: 0, stdout: '[]\n', stderr: expect.stringMatching(/^skipped: /) });
  });
});
