import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const bench = resolve(import.meta.dirname, '..');

// The contestants as one program for Node, every library inside it as a browser would load it. Dawn stays outside, and
// onnxruntime-web, which looks for its .wasm beside itself.
export default defineConfig({
  root: resolve(bench, '..'),
  publicDir: false,
  logLevel: 'warn',
  resolve: {
    alias: {
      // Its build for Node reads model folders from disk; the image library it wants is never called.
      '@huggingface/transformers': resolve(
        bench,
        'node_modules/@huggingface/transformers/dist/transformers.node.mjs',
      ),
      sharp: resolve(bench, 'peers/contestants/no_sharp.ts'),
    },
  },
  ssr: {
    noExternal: true,
    external: ['webgpu', 'onnxruntime-web'],
    resolve: { conditions: ['browser', 'module', 'import', 'default'] },
  },
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'bench/dist',
    emptyOutDir: true,
    rollupOptions: {
      input: { contestant: 'bench/peers/contestants/node.ts' },
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
