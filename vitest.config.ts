import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/.carpal/**'],
    // TensorFlow's library lives once per process: forks, never threads.
    pool: 'forks',
    maxWorkers: 2,
    // One control plane for all test files that ask for it.
    globalSetup: ['testbed/cluster/shared-control-plane.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The default of one second is too short for an API server on a busy machine.
    expect: { poll: { timeout: 30_000 } },
    reporters: ['default', ['json', { outputFile: 'node_modules/.cache/tests.json' }]],
  },
});
