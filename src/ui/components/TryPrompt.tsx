import { useEffect, useId, useRef, type FormEvent, type KeyboardEvent } from 'react';
import { useShallow } from 'zustand/react/shallow';
import { canTrain, useEngine } from '../stores/engine';
import { activeRun, useRuns } from '../stores/runs';
import { useSetup } from '../stores/setup';
import {
  ask,
  closeTryPrompt,
  OPEN_MODEL,
  setTryPrompt,
  stopAsking,
  toggleCandidate,
  trainedRuns,
  useTryPrompt,
  type Candidate,
} from '../stores/try_prompt';
import { PromptAnswers } from './PromptAnswers';
import { PromptSettings } from './PromptSettings';
import { Swatch } from './Swatch';

/** A prompt of one's own, for the open model and for what runs have made of theirs, side by side. */
export function TryPrompt() {
  const id = useId();
  const panel = useRef<HTMLElement>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const openings = useTryPrompt((state) => state.openings);
  const text = useTryPrompt((state) => state.text);
  const going = useTryPrompt((state) => state.asking !== null);
  const candidates = useCandidates();
  const chosen = useTryPrompt((state) => state.chosen);
  const asked = candidates.filter(({ key }) => chosen.includes(key));
  const reason = useReason(asked.length > 0, text);
  useEffect(() => {
    panel.current?.scrollIntoView({ block: 'start' });
    box.current?.focus({ preventScroll: true });
  }, [openings]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!going && reason === null) void ask(asked);
  };
  const send = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.currentTarget.form?.requestSubmit();
  };
  return (
    <section className="panel try-prompt" aria-label="Try a prompt" ref={panel}>
      <header className="panel-head">
        <h2>Try a prompt</h2>
        <span className="spacer" />
        <button type="button" className="quiet small" onClick={closeTryPrompt}>
          Close <span className="visually-hidden">Try a prompt</span>
        </button>
      </header>
      <form className="stack" onSubmit={submit}>
        <WhoAnswers candidates={candidates} chosen={chosen} />
        <div className="stack tight">
          <label htmlFor={id}>Prompt</label>
          <textarea
            id={id}
            ref={box}
            rows={3}
            value={text}
            onChange={(event) => setTryPrompt({ text: event.target.value })}
            onKeyDown={send}
          />
        </div>
        <PromptSettings />
        <div className="row wrap">
          {going ? (
            <button type="button" className="primary" onClick={stopAsking}>
              Stop answering
            </button>
          ) : (
            <button
              type="submit"
              className="primary"
              disabled={reason !== null}
              aria-describedby="ask-reason"
            >
              Ask
            </button>
          )}
          <p id="ask-reason" className="small muted">
            {going ? '' : (reason ?? 'Or Ctrl and Enter.')}
          </p>
        </div>
      </form>
      <PromptAnswers />
    </section>
  );
}

/** The open or chosen model, then every run that has made one. */
function useCandidates(): Candidate[] {
  const models = useEngine((state) => state.catalogue?.models);
  const choice = useSetup((state) => state.modelChoice);
  const open = useSetup((state) => state.model?.name);
  const records = useRuns(useShallow(trainedRuns));
  const model = open ?? models?.find(({ id }) => id === choice)?.label;
  return [
    ...(model === undefined ? [] : [{ key: OPEN_MODEL, name: model }]),
    ...records.map(({ id, name }) => ({ key: id, name })),
  ];
}

/** Why nobody can be asked now; null when someone can. */
function useReason(hasChosen: boolean, text: string): string | null {
  const able = useEngine(canTrain);
  const refusal = useEngine((state) => state.capability?.refusal ?? 'This machine is being checked.');
  const active = useRuns((state) => activeRun(state)?.record.name);
  if (!able) return refusal;
  if (active !== undefined) return `${active} is going and has the GPU to itself.`;
  if (!hasChosen) return 'Choose who answers.';
  return text.trim() === '' ? 'Write a prompt.' : null;
}

interface WhoProps {
  candidates: readonly Candidate[];
  chosen: readonly string[];
}

function WhoAnswers({ candidates, chosen }: WhoProps) {
  const colours = useRuns((state) => state.colours);
  return (
    <fieldset>
      <legend>Who answers</legend>
      {candidates.length === 0 && <p className="small muted">Choose a model first.</p>}
      <div className="row wrap who">
        {candidates.map(({ key, name }) => (
          <label key={key} className="choice">
            <input type="checkbox" checked={chosen.includes(key)} onChange={() => toggleCandidate(key)} />
            {key !== OPEN_MODEL && <Swatch colour={colours[key]} />}
            <span>
              {name}
              {key === OPEN_MODEL && <span className="muted"> as it is</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
