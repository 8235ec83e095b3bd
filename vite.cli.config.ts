import { existsSync } from 'node:fs';
import { defineConfig } from 'vite';

// The command line front end as one file for Node; installed packages stay outside it, shaders are inlined.
export default defineConfig({
  publicDir: false,
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'dist-cli',
    sourcemap: true,
    rollupOptions: {
      input: {
        'reft-lab': 'src/cli/reft_lab.ts',
        ...(existsSync('bench/bench.ts') ? { bench: 'bench/bench.ts' } : {}),
        ...(existsSync('tools/true_shape/run.ts') ? { true_shape: 'tools/true_shape/run.ts' } : {}),
      },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
