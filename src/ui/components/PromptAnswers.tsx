import { textColour } from '../lib/colours';
import { formatDuration, formatNumber, plural } from '../lib/format';
import { useRuns } from '../stores/runs';
import { useTryPrompt, type Answer } from '../stores/try_prompt';

const ENDINGS: Partial<Record<Answer['state'], string>> = {
  eos: 'ended by itself',
  length: 'cut at the limit',
  stopped: 'stopped',
};

/** What each has answered, side by side, as far as it has come. */
export function PromptAnswers() {
  const answers = useTryPrompt((state) => state.answers);
  if (answers.length === 0) return null;
  const [first] = answers;
  const spoken = answers.filter(isOver).map(({ name, text }) => `${name} answered: ${text}`);
  return (
    <>
      <div className="prompt-answers">
        {answers.map((answer) => (
          <PromptAnswer key={answer.key} answer={answer} first={first === answer ? undefined : first} />
        ))}
      </div>
      <p className="visually-hidden" aria-live="polite">
        {spoken.at(-1)}
      </p>
    </>
  );
}

/** `first`: the answer that this one stands beside. */
function PromptAnswer({ answer, first }: { answer: Answer; first: Answer | undefined }) {
  const { key, name, state, text, message } = answer;
  const colour = useRuns((runs) => runs.colours[key]);
  return (
    <article aria-label={`Answer of ${name}`} aria-busy={state === 'opening' || state === 'answering'}>
      <h3 style={{ color: textColour(colour) }}>{name}</h3>
      {state === 'failed' ? (
        <p className="small fault">{message}</p>
      ) : (
        <p className="mono answer-text">
          {text === '' && isOver(answer) ? <span className="muted">empty</span> : text}
          {state === 'answering' && <span className="caret" aria-hidden="true" />}
        </p>
      )}
      <p className="small muted">
        {sentenceOf(answer)}
        {first && isOver(first) && isOver(answer) && first.text === text && ` The same as ${first.name}’s.`}
      </p>
    </article>
  );
}

const isOver = ({ state }: Answer): boolean => state in ENDINGS;

function sentenceOf(answer: Answer): string {
  const { state, tokens, firstAfter, tokensPerSecond, promptTokens } = answer;
  if (state === 'waiting') return 'Waits for its turn.';
  if (state === 'opening') return 'Is put on the GPU and reads the prompt.';
  if (state === 'failed') return '';
  const rate = tokensPerSecond === null ? '' : `, then ${formatNumber(tokensPerSecond)} tokens/s`;
  const amount = `${plural(tokens, 'token')}, the first after ${formatDuration(firstAfter)}${rate}`;
  if (state === 'answering') return `${amount}.`;
  const prompt = promptTokens === null ? '' : ` The prompt has ${plural(promptTokens, 'token')}.`;
  return `${amount}, ${ENDINGS[state] ?? ''}.${prompt}`;
}
