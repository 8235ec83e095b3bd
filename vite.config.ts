import { defineConfig } from 'vitest/config';

// The lab is static files under any path; the engine runs in a module worker.
export default defineConfig({
  base: './',
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 1500,
    rollupOptions: { input: ['index.html', 'self_check.html', 'bench.html'] },
  },
  optimizeDeps: { exclude: ['onnxruntime-web', 'pyodide'] },
  test: {
    include: ['{src,tools,bench}/**/*.test.ts'],
    // One GPU device a process, and the software adapters use every core themselves.
    pool: 'forks',
    poolOptions: { forks: { maxForks: 2 } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
