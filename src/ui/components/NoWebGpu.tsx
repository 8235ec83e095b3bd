/** The honest page where nothing can be trained: why, and which browsers could. */
export function NoWebGpu({ refusal }: { refusal: string }) {
  return (
    <section className="refusal" aria-label="This browser cannot train">
      <p role="alert">{refusal}</p>
      <p className="small">These have WebGPU:</p>
      <ul className="small">
        <li>
          Chrome and Edge 113 or later on Windows, macOS and ChromeOS; 121 or later on Android 12 and up
        </li>
        <li>Chrome 144 or later on Linux; before that with the flag enable-unsafe-webgpu</li>
        <li>Firefox 141 or later on Windows, 145 or later on macOS with Apple silicon</li>
        <li>Safari 26 on macOS, iOS and iPadOS</li>
      </ul>
      <p className="small muted">
        WebGPU also needs a page served over https or from localhost. Runs saved here or exported elsewhere
        can still be opened and explored.
      </p>
    </section>
  );
}
