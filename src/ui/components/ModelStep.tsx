import { useId, type ChangeEvent } from 'react';
import { formatBytes, formatCount, formatShort } from '../lib/format';
import { useEngine } from '../stores/engine';
import { report } from '../stores/notices';
import { useSetup } from '../stores/setup';
import { chooseModel, openFiles } from '../stores/setup_actions';
import type { ModelSummary } from '../../worker/protocol';

/** Which model to fine-tune: a bundled one, or a Hugging Face folder. */
export function ModelStep() {
  const models = useEngine((state) => state.catalogue?.models);
  const choice = useSetup((state) => state.modelChoice);
  const model = useSetup((state) => state.model);
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
      <FolderInput />
      {model && <Facts model={model} />}
    </div>
  );
}

function FolderInput() {
  const id = useId();
  const pick = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    event.target.value = '';
    if (files.length > 0) openFiles(files).catch(report);
  };
  return (
    <div className="stack tight">
      <label htmlFor={id}>Model folder</label>
      <span className="muted small">
        A Hugging Face folder of the Llama architecture: config.json, tokenizer.json, model.safetensors. Drop
        it anywhere or pick it.
      </span>
      <input id={id} type="file" multiple onChange={pick} {...{ webkitdirectory: '' }} />
    </div>
  );
}

function Facts({ model }: { model: ModelSummary }) {
  const facts: [string, string][] = [
    ['Model', model.name],
    ['Architecture', model.architecture],
    ['Parameters', formatCount(model.parameters)],
    ['Layers, hidden size', `${model.layers}, ${model.hidden_size}`],
    ['Context', `${formatCount(model.context)} tokens`],
    ['Vocabulary', `${formatCount(model.vocabulary)} tokens`],
    ['Weights', formatBytes(model.bytes)],
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
