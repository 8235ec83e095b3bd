import { resolve } from 'node:path';
import { defineConfig, type UserConfig } from 'vite';

const bench = resolve(import.meta.dirname, '..');
const transformersJs = (build: string): string =>
  resolve(bench, 'node_modules/@huggingface/transformers/dist', build);

// The contestants as one program: `--mode node` for a child process, `--mode browser` for a page.
const MODES: Record<string, UserConfig> = {
  // Every library inside it as a browser would load it; Dawn stays outside, and onnxruntime-web, which looks for its .wasm
  // beside itself. transformers.js's build for Node reads model folders from disk; the image library it wants is never called.
  node: {
    resolve: {
      alias: {
        '@huggingface/transformers': transformersJs('transformers.node.mjs'),
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
      rollupOptions: { input: { contestant: 'bench/peers/contestants/node.ts' } },
    },
  },
  browser: {
    base: './',
    resolve: { alias: { '@huggingface/transformers': transformersJs('transformers.web.js') } },
    build: {
      target: 'es2022',
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 3000,
      rollupOptions: {
        input: { contestant: 'bench/peers/contestants/page.ts' },
        preserveEntrySignatures: 'allow-extension',
      },
    },
  },
};

export default defineConfig(({ mode }) => {
  const { build, ...rest } = MODES[mode] ?? {};
  return {
    root: resolve(bench, '..'),
    publicDir: false,
    logLevel: 'warn',
    ...rest,
    build: {
      ...build,
      outDir: `bench/dist/${mode}`,
      emptyOutDir: true,
      minify: false,
      rollupOptions: {
        ...build?.rollupOptions,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  };
});
