/** A page that runs one trial: `runTrial` on `globalThis`, called by bench/peers/pages.ts. */
import * as ort from 'onnxruntime-web/webgpu';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import mjsUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import type { ContestantId, Platform, WorkId } from '../contest';
import { runTrial } from './trial';

const platform: Platform = {
  gpu: navigator.gpu,
  read: async (path) => {
    const response = await fetch(new URL(`public/${path}`, location.href));
    if (!response.ok) throw new Error(`no ${path}`);
    return new Uint8Array(await response.arrayBuffer());
  },
  onnxRuntime: async () => {
    ort.env.wasm.wasmPaths = {
      mjs: new URL(mjsUrl, location.href).href,
      wasm: new URL(wasmUrl, location.href).href,
    };
    ort.env.wasm.numThreads = 1;
    return ort;
  },
  modelFolder: async (files) => ({
    localModelPath: '/folder/',
    name: 'model',
    fetch: async (url) => {
      const path = new URL(url, location.href).pathname.replace('/folder/model/', '');
      const bytes = files[path];
      return bytes ? new Response(bytes as Uint8Array<ArrayBuffer>) : new Response(null, { status: 404 });
    },
  }),
};

Object.assign(globalThis, {
  runTrial: (contestant: ContestantId, work: WorkId) => runTrial(contestant, work, platform),
});
