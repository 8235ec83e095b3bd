import { useId } from 'react';

interface Props {
  /** What the hint is about: its button is called "About <subject>". */
  subject: string;
  text: string;
  /** Where names and figures come from. */
  source?: string;
}

/** A definition behind a small mark: on hover, on focus, and to assistive tools. Spans the nearest `.hint-host`. */
export function Hint({ subject, text, source }: Props) {
  const id = useId();
  return (
    <span className="hint">
      <button type="button" className="hint-mark" aria-describedby={id}>
        <span aria-hidden="true">?</span>
        <span className="visually-hidden">About {subject}</span>
      </button>
      <span id={id} role="tooltip" className="hint-text">
        {text}
        {source !== undefined && <span className="hint-source">{source}</span>}
      </span>
    </span>
  );
}
