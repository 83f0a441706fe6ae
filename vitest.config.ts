import { defineConfig } from 'vitest/config'

/** Files that have a process of their own: servers, flags of V8, what is counted or measured in the process. */
const ALONE = ['test/e2e/*.test.ts', 'test/linear-time.test.ts']

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      // One process for many files, so that what they import is loaded once.
      { extends: true, test: { name: 'together', include: ['test/**/*.test.ts'], exclude: ALONE, isolate: false } },
    ],
    globalSetup: 'test/support/build.ts',
    // Tests are loaded by Node itself (see runner.ts), without mocks of modules.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    runner: './test/support/runner.ts',
    // Twice as many as processors of a small machine: half of the time a file waits, for a server that starts or a clock.
    pool: 'forks',
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
