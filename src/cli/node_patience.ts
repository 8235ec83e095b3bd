/** How long the thread sleeps between two looks at the GPU. Linux rounds it up by some 0.05 ms. */
const NAP_MS = 0.1;

/**
 * Dawn in Node looks for finished GPU work in every turn of the event loop, and turns it without pause while any is
 * outstanding: a whole core, taken from adapters that compute on the CPU. With this the thread sleeps `NAP_MS` in each
 * such turn instead. `classes` are Dawn's own (`globals` of npm `webgpu`); call once a process.
 */
export function waitPatiently(classes: Record<string, { prototype: object } | undefined>): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let outstanding = 0;
  let turning = false;
  const turn = (): void => {
    turning = outstanding > 0;
    if (!turning) return;
    Atomics.wait(cell, 0, 0, NAP_MS);
    setImmediate(turn);
  };
  const finished = (): void => {
    outstanding -= 1;
  };
  const watched = [
    ['GPUBuffer', 'mapAsync'],
    ['GPUQueue', 'onSubmittedWorkDone'],
  ] as const;
  for (const [name, method] of watched) {
    const prototype = classes[name]?.prototype as Record<string, unknown> | undefined;
    const original = prototype?.[method] as ((...given: unknown[]) => Promise<unknown>) | undefined;
    if (!prototype || !original) throw new Error(`npm webgpu has no ${name}.${method}`);
    prototype[method] = function (this: unknown, ...given: unknown[]): Promise<unknown> {
      const promise = original.apply(this, given);
      outstanding += 1;
      promise.then(finished, finished);
      if (!turning) {
        turning = true;
        setImmediate(turn);
      }
      return promise;
    };
  }
}
