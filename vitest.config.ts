import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['xmpp-mls-source'] },
  ssr: { resolve: { conditions: ['xmpp-mls-source'], externalConditions: ['xmpp-mls-source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    coverage: { provider: 'v8', include: ['src/**'], exclude: ['src/cli/**'] },
  },
});
