import type { View } from '../gpu/arena';
import type { Stream } from '../gpu/stream';

/** Bytes read from the GPU at once. */
const WINDOW_BYTES = 4 * 2 ** 20;

/** Reads of views that lie one behind the other, some megabytes at a time. What is read must not change meanwhile. */
export function windowedReads(stream: Stream): (view: View) => Promise<ArrayBuffer> {
  let window: (View & { data: ArrayBuffer }) | undefined;
  return async ({ buffer, offset, bytes }) => {
    const holds = (w: View): boolean =>
      w.buffer === buffer && w.offset <= offset && offset + bytes <= w.offset + w.bytes;
    if (!window || !holds(window)) {
      const view = { buffer, offset, bytes: Math.min(buffer.size - offset, Math.max(bytes, WINDOW_BYTES)) };
      window = { ...view, data: await stream.readBack(view) };
    }
    return window.data.slice(offset - window.offset, offset - window.offset + bytes);
  };
}
