import { capabilitySentence, softwareSentence } from '../lib/capability';
import { useEngine } from '../stores/engine';
import { DemoButton } from './DemoButton';
import { DropZone } from './DropZone';
import { OpenRun } from './OpenRun';
import { NoWebGpu } from './NoWebGpu';

/**
 * The first screen: what this is, the one thing to do next, and where one's own data goes. Compact once a dataset is
 * open and there is no run yet.
 */
export function Welcome({ compact = false }: { compact?: boolean }) {
  const capability = useEngine((state) => state.capability);
  const refused = capability !== null && capability.refusal !== null;
  const slow = softwareSentence(capability);
  if (compact) {
    return (
      <section className="stack" aria-label="Welcome">
        {refused && <NoWebGpu refusal={capability.refusal ?? ''} />}
        <div className="row">
          {!refused && <DemoButton />}
          <OpenRun />
        </div>
      </section>
    );
  }
  return (
    <section className="welcome" aria-label="Welcome">
      <h2 className="headline">
        Watch reinforcement learning teach a language model to reason, on your own GPU, in this tab.
      </h2>
      <p className="lead">
        The demo trains a small model on word problems twice from one warm-up, by supervised fine-tuning (SFT)
        and by reinforced fine-tuning (ReFT), and draws both on the same charts. Nothing leaves this machine.
      </p>
      {refused ? (
        <>
          <NoWebGpu refusal={capability.refusal ?? ''} />
          <div className="row">
            <OpenRun large />
          </div>
        </>
      ) : (
        <>
          <div className="row">
            <DemoButton large />
            <OpenRun large />
          </div>
          <div className="capability small muted">
            <p>{capabilitySentence(capability) ?? 'Checking that this GPU computes right.'}</p>
            {slow !== null && <p>{slow}</p>}
            <p>
              <a href="./self_check.html">Check every kernel, forward and backward</a>
              {' · '}
              <a href="./bench.html">Measure how fast it is</a>
            </p>
          </div>
        </>
      )}
      <DropZone />
    </section>
  );
}
