import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/build.ts',
    // Tests are loaded by Node itself (see runner.ts), without mocks of modules.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    runner: './test/support/runner.ts',
    // Test files start servers and worker threads of their own; more at once than processors only adds noise.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
