import { useState } from 'react';
import { lineColour } from '../lib/colours';
import type { Answers } from '../lib/pairing';
import { useRuns } from '../stores/runs';

interface Props {
  problems: readonly string[];
  answers: readonly Answers[];
  current: string | null;
  choose: (problem: string) => void;
}

const PAGE = 40;

/** Problems to pick from, each with a mark a run: filled where it was answered right. */
export function ProblemList({ problems, answers, current, choose }: Props) {
  const [pages, setPages] = useState(1);
  const visible = problems.slice(0, pages * PAGE);
  if (problems.length === 0) return <p className="muted problem-list">No problem passes this filter.</p>;
  return (
    <ul className="problem-list" aria-label="Problems">
      {visible.map((id) => {
        const question = answers.map((answer) => answer.byProblem.get(id)?.question).find(Boolean);
        return (
          <li key={id}>
            <button type="button" className="quiet" aria-current={id === current} onClick={() => choose(id)}>
              <Marks problem={id} answers={answers} />
              <span className="problem-text">{question ?? id}</span>
            </button>
          </li>
        );
      })}
      {visible.length < problems.length && (
        <li>
          <button type="button" className="quiet small" onClick={() => setPages(pages + 1)}>
            Show more ({problems.length - visible.length})
          </button>
        </li>
      )}
    </ul>
  );
}

function Marks({ problem, answers }: { problem: string; answers: readonly Answers[] }) {
  const colours = useRuns((state) => state.colours);
  const outcomes = answers.map(({ run, byProblem }) => ({
    run,
    colour: lineColour(colours[run]),
    correct: byProblem.get(problem)?.correct,
  }));
  const said = outcomes.map(({ correct }) =>
    correct === undefined ? 'not answered' : correct ? 'right' : 'wrong',
  );
  return (
    <>
      <span className="visually-hidden">{said.join(', ')}: </span>
      <span className="marks" aria-hidden="true">
        {outcomes.map(({ run, colour, correct }) => (
          <span
            key={run}
            className="mark"
            style={{
              borderColor: correct === undefined ? 'transparent' : colour,
              background: correct ? colour : 'transparent',
            }}
          />
        ))}
      </span>
    </>
  );
}
