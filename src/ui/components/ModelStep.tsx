import { formatBytes, formatCount, formatShort } from '../lib/format';
import { canTrain, useEngine } from '../stores/engine';
import { useSetup } from '../stores/setup';
import { chooseModel } from '../stores/setup_actions';
import { OPEN_MODEL, openTryPrompt } from '../stores/try_prompt';
import type { ModelSummary } from '../../worker/protocol';
import { HubLookup } from './HubLookup';
import { ModelFolder } from './ModelFolder';
import { StoredModels } from './StoredModels';

/** Which model to fine-tune: a bundled one, one of the Hub, or a folder of one's own. */
export function ModelStep() {
  const models = useEngine((state) => state.catalogue?.models);
  const choice = useSetup((state) => state.modelChoice);
  const model = useSetup((state) => state.model);
  const able = useEngine(canTrain);
  return (
    <div className="stack">
      <fieldset className="stack tight">
        <legend>Bundled models</legend>
        {models?.map((bundled) => (
          <label key={bundled.id} className="choice">
            <input
              type="radio"
              name="bundled-model"
              checked={choice === bundled.id}
              onChange={() => void chooseModel(bundled.id)}
            />
            <span>
              {bundled.label} <span className="muted">{formatShort(bundled.parameters)} parameters</span>
              <span className="muted small help">{bundled.help}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <StoredModels />
      {(model || choice !== null) && (
        <span>
          <button type="button" className="small" disabled={!able} onClick={() => openTryPrompt(OPEN_MODEL)}>
            Try a prompt
          </button>
        </span>
      )}
      <HubLookup />
      <ModelFolder />
      {model && <Facts model={model} />}
      {model?.untrainable && <p className="small note">{model.untrainable}</p>}
    </div>
  );
}

function Facts({ model }: { model: ModelSummary }) {
  const facts: [string, string][] = [
    ['Model', model.name],
    ['Architecture', model.architecture],
    ...(model.parameters > 0 ? [['Parameters', formatCount(model.parameters)] as [string, string]] : []),
    ['Layers, hidden size', `${model.layers}, ${model.hidden_size}`],
    ['Context', `${formatCount(model.context)} tokens`],
    ['Vocabulary', `${formatCount(model.vocabulary)} tokens`],
    ['Weights', formatBytes(model.bytes)],
    ...(model.origin?.file ? [['ONNX graph', model.origin.file] satisfies [string, string]] : []),
    ...(model.origin ? [['Commit', model.origin.revision] satisfies [string, string]] : []),
  ];
  return (
    <dl className="facts small">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="muted">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
