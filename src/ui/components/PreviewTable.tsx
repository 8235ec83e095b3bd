import type { PreviewRow } from '../../worker/protocol';
import { TokenText } from './TokenText';

interface Props {
  rows: readonly PreviewRow[];
  hasCot: boolean;
}

/** The first rows exactly as the model sees them: prompt, target, answer, length; tokens once a model is open. */
export function PreviewTable({ rows, hasCot }: Props) {
  const tokens = rows.some((row) => row.tokens.length > 0);
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label="Preview, scrolls sideways">
      <table className="preview">
        <caption>
          Dataset preview
          <span className="muted small caption-note">
            {tokens
              ? 'Each token in its own box; shaded tokens carry loss.'
              : 'Tokens are shown once a model is open.'}
          </span>
        </caption>
        <thead>
          <tr>
            <th scope="col">Line</th>
            <th scope="col">Prompt</th>
            <th scope="col">Target</th>
            <th scope="col">Answer</th>
            <th scope="col">Length</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.line} ${row.id}`}>
              <th scope="row">{row.line}</th>
              <td>
                <TokenText text={row.prompt} tokens={row.tokens.slice(0, row.promptLength)} />
              </td>
              <td>
                {row.target === '' && row.tokens.length <= row.promptLength ? (
                  <span className="muted">{hasCot ? 'none in this row' : 'answers only'}</span>
                ) : (
                  <TokenText text={row.target} tokens={row.tokens.slice(row.promptLength)} loss />
                )}
              </td>
              <td className="mono">{row.answer}</td>
              <td>
                {row.tokens.length > 0
                  ? row.tokens.length
                  : `${row.prompt.length + row.target.length} letters`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
