import { formatDuration, formatNumber } from '../lib/format';
import { canTrain, useEngine } from '../stores/engine';
import { checksFirst, setChecksFirst, useNumerics } from '../stores/numerics';
import { useSetup } from '../stores/setup';
import { checkModel } from '../stores/setup_actions';
import type { Numerics } from '../../worker/protocol';

/** Does this GPU compute right on this model: asked before a run, or at any time. */
export function NumericsCheck() {
  const able = useEngine(canTrain);
  useEngine((state) => state.capability);
  const first = useNumerics((state) => checksFirst(state.first));
  const running = useNumerics((state) => state.running);
  const chosen = useSetup((state) =>
    state.model ? state.model.untrainable === null : state.modelChoice !== null,
  );
  const model = useSetup((state) => state.model?.handle);
  const result = useNumerics((state) => (state.result?.model === model ? state.result?.numerics : undefined));
  return (
    <fieldset className="stack tight numerics">
      <legend>Numerics check</legend>
      <span className="muted small">
        Holds each kernel to its reference and the model’s logits to those of onnxruntime-web, on your own
        prompts.
      </span>
      <label className="choice">
        <input type="checkbox" checked={first} onChange={(event) => setChecksFirst(event.target.checked)} />
        Check before the run starts
      </label>
      <button
        type="button"
        className="small"
        disabled={!able || !chosen || running}
        onClick={() => void checkModel()}
      >
        {running ? 'Checking' : 'Check now'}
      </button>
      <div aria-live="polite">{result && <Result numerics={result} />}</div>
    </fieldset>
  );
}

function Result({ numerics }: { numerics: Numerics }) {
  const { kernels, forward, ok, sentence } = numerics;
  const facts: [string, string][] = [['Kernels', `${kernels.families.length}, in ${seconds(kernels)}`]];
  if (forward) {
    facts.push(
      ['Positions', `${forward.positions} of ${forward.prompts} prompts, in ${seconds(forward)}`],
      [
        'max |Δlogit|',
        `${formatNumber(forward.max_delta_logit)}, largest ${formatNumber(forward.max_logit)}`,
      ],
      ['max KL', `${formatNumber(forward.max_kl)} nats`],
      ['max |Δ log-prob|, generated', formatNumber(forward.max_delta_logp)],
    );
  }
  return (
    <>
      <p className={ok ? 'small' : 'small fault'}>{sentence}</p>
      <dl className="facts small">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className="muted">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

const seconds = ({ milliseconds }: { milliseconds: number }): string => formatDuration(milliseconds / 1000);
