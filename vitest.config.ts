import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['xmpp-mls-source'] },
  ssr: { resolve: { conditions: ['xmpp-mls-source'], externalConditions: ['xmpp-mls-source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    // The machines this is for have two cores; vitest would leave one idle.
    maxWorkers: 2,
    hookTimeout: 120_000,
    coverage: { provider: 'v8', include: ['src/**'], exclude: ['src/cli/**'] },
  },
});
