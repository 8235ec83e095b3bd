import js from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// Which way imports point, folder by folder: docs/architecture.md, "The house". `errors.ts` is a leaf for everyone.
const MAY_IMPORT = {
  gpu: [],
  kernels: ['gpu'],
  text: [],
  tasks: ['text'],
  rl: [],
  evaluate: ['tasks'],
  data: ['tasks', 'text'],
  model: ['gpu', 'kernels', 'text'],
  runs: [],
  hub: ['model'],
  recipes: ['runs', 'model', 'rl', 'tasks', 'text', 'data', 'evaluate', 'kernels', 'gpu'],
  worker: ['recipes', 'hub', 'model', 'gpu', 'kernels', 'tasks', 'text', 'data', 'evaluate', 'runs', 'rl'],
  cli: ['recipes', 'hub', 'model', 'gpu', 'kernels', 'tasks', 'text', 'data', 'evaluate', 'runs', 'rl'],
  ui: ['worker', 'runs'],
};
const ENGINE = [
  'gpu',
  'kernels',
  'model',
  'rl',
  'tasks',
  'text',
  'data',
  'recipes',
  'evaluate',
  'runs',
  'hub',
];
const folders = Object.keys(MAY_IMPORT);
const TESTS = ['**/*.test.ts', '**/testing.ts', '**/*.test.tsx'];

const zones = folders.map((folder) => ({
  target: `./src/${folder}`,
  from: folders
    .filter((other) => other !== folder && !MAY_IMPORT[folder].includes(other))
    .map((other) => `./src/${other}`),
  message: `src/${folder} may import only: ${['errors', ...MAY_IMPORT[folder]].join(', ')} (docs/architecture.md)`,
}));

export default tseslint.config(
  {
    ignores: [
      'dist',
      'bench/dist',
      'dist-cli',
      'node_modules',
      'public',
      'playwright-report',
      'test-results',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js', '*.mjs'] } } },
    plugins: { 'import-x': importX, 'react-hooks': reactHooks },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      ...reactHooks.configs.recommended.rules,
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'import-x/no-cycle': 'error',
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: TESTS,
    rules: { 'import-x/no-restricted-paths': ['error', { zones }] },
  },
  {
    files: ENGINE.map((folder) => `src/${folder}/**/*.ts`),
    ignores: TESTS,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['node:*', 'react', 'react-dom', 'webgpu'], message: 'The engine runs anywhere.' },
          ],
        },
      ],
      'no-restricted-globals': [
        'error',
        'window',
        'document',
        'navigator',
        'localStorage',
        'process',
        'Buffer',
      ],
    },
  },
  {
    // The page never imports the engine's values: it knows the worker's types and what it sends.
    files: ['src/ui/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['**/gpu/*', '**/kernels/*', '**/model/*', '**/recipes/*'], allowTypeImports: true },
          ],
        },
      ],
    },
  },
  // Contestants' types are checked where their libraries are installed: npm run check --prefix bench.
  { files: ['**/*.{js,mjs}', 'bench/peers/contestants/*.ts'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['**/*.mjs', '*.js', 'bin/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        fetch: 'readonly',
      },
    },
  },
);
