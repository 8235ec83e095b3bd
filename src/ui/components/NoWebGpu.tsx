import { useEngine } from '../stores/engine';

/** The honest page where nothing can be trained: why, and which browsers could. */
export function NoWebGpu({ refusal }: { refusal: string }) {
  const broke = useEngine((state) => state.checkFailed);
  return (
    <section className="refusal" aria-label="This browser cannot train">
      <p role="alert">{refusal}</p>
      {!broke && <Browsers />}
      <p className="small muted">Runs saved here or exported elsewhere can still be opened and explored.</p>
    </section>
  );
}

function Browsers() {
  return (
    <>
      <p className="small">WebGPU works in:</p>
      <ul className="small">
        <li>Chrome and Edge from 113 on Windows, macOS and ChromeOS; from 121 on Android 12 and later</li>
        <li>
          Chrome and Edge on Linux: recent versions on some GPUs, else with the flag enable-unsafe-webgpu
        </li>
        <li>Firefox from 141 on Windows, from 145 on macOS with Apple silicon</li>
        <li>Safari from 26 on macOS, iOS and iPadOS</li>
      </ul>
      <p className="small muted">
        It needs a page served over https or from localhost, and graphics acceleration turned on.
      </p>
    </>
  );
}
