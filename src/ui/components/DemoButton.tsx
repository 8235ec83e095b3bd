import { demoOptions } from '../lib/files';
import { canTrain, useEngine } from '../stores/engine';
import { activeRun, useRuns } from '../stores/runs';
import { useSetup } from '../stores/setup';
import { startDemo } from '../stores/setup_actions';

/** Starts SFT and then ReFT on the bundled model; settings in the page's address (`?set=max_steps=20`) apply. */
export function DemoButton({ large = false }: { large?: boolean }) {
  const able = useEngine(canTrain);
  const busy = useSetup((state) => state.busy !== null);
  const going = useRuns((state) => activeRun(state) !== undefined);
  return (
    <button
      type="button"
      className={large ? 'primary large' : 'small'}
      disabled={!able || busy || going}
      onClick={() => void startDemo(demoOptions(window.location.search))}
    >
      Run the demo
    </button>
  );
}
