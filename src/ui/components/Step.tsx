import { useId, type ReactNode } from 'react';
import { toggleStep, useSetup, type StepId } from '../stores/setup';

interface Props {
  id: StepId;
  title: string;
  summary: string;
  children: ReactNode;
}

/** One step of the rail. Folded it keeps its contents in the page, so that nothing typed is lost. */
export function Step({ id, title, summary, children }: Props) {
  const panel = useId();
  const open = useSetup((state) => state.open === id);
  return (
    <section className={open ? 'step open' : 'step'}>
      <h2>
        <button type="button" aria-expanded={open} aria-controls={panel} onClick={() => toggleStep(id)}>
          <span className="step-mark" aria-hidden="true" />
          <span className="step-title">{title}</span>
          <span className="step-summary muted">{summary}</span>
        </button>
      </h2>
      <div id={panel} hidden={!open} className="step-body">
        {children}
      </div>
    </section>
  );
}
