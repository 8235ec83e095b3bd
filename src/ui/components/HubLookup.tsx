import { useId, type FormEvent } from 'react';
import { lookUp, setQuery, setToken, useHub } from '../stores/hub';
import { HubPlan } from './HubPlan';

/** A model of the Hub: its name goes in, and before anything is downloaded what it takes comes out. */
export function HubLookup() {
  const id = useId();
  const query = useHub((state) => state.query);
  const looking = useHub((state) => state.looking);
  const problem = useHub((state) => state.problem);
  const lookup = useHub((state) => state.lookup);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    void lookUp();
  };
  return (
    <section className="stack tight" aria-label="From Hugging Face">
      <form className="stack tight" onSubmit={submit}>
        <label htmlFor={id}>Model on Hugging Face</label>
        <span className="row">
          <input
            id={id}
            type="text"
            className="grow"
            value={query}
            placeholder="owner/name, or its address"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setQuery(event.target.value)}
          />
          <button type="submit" className="small" disabled={looking || query.trim() === ''}>
            Look up
          </button>
        </span>
        <span className="muted small">
          For example HuggingFaceTB/SmolLM2-135M, or onnx-community/SmolLM2-135M-ONNX to try but not train;
          name@revision pins a branch, tag or commit. Looking up fetches its list of files and its
          config.json.
        </span>
        <AccessToken />
      </form>
      <div aria-live="polite" className="stack tight">
        {looking && <p className="small muted">Looking it up.</p>}
        {problem !== null && <p className="small fault">{problem}</p>}
        {lookup && <HubPlan lookup={lookup} />}
      </div>
    </section>
  );
}

function AccessToken() {
  const id = useId();
  const token = useHub((state) => state.token);
  return (
    <details className="small">
      <summary>Gated or private model</summary>
      <label htmlFor={id}>Access token</label>
      <input
        id={id}
        type="password"
        value={token}
        autoComplete="off"
        placeholder="hf_…"
        onChange={(event) => setToken(event.target.value)}
      />
      <span className="muted help">
        It is sent to the Hub with these requests and forgotten with the page.
      </span>
    </details>
  );
}
