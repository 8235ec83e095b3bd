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

const PAGE = 100;

/** Problems to pick from, each with a mark a run: filled where it was answered right. */
export function ProblemList({ problems, answers, current, choose }: Props) {
  const colours = useRuns((state) => state.colours);
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
              <span className="marks">
                {answers.map((answer) => {
                  const correct = answer.byProblem.get(id)?.correct;
                  const colour = lineColour(colours[answer.run]);
                  const background = correct ? colour : 'transparent';
                  return (
                    <span
                      key={answer.run}
                      className="mark"
                      style={{ borderColor: correct === undefined ? 'transparent' : colour, background }}
                    >
                      <span className="visually-hidden">
                        {correct === undefined ? 'not answered, ' : correct ? 'right, ' : 'wrong, '}
                      </span>
                    </span>
                  );
                })}
              </span>
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
