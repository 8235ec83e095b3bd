import { setTryPrompt, useTryPrompt, type ChatChoice } from '../stores/try_prompt';

const FORMS = [
  { id: 'problem', label: 'a problem' },
  { id: 'plain', label: 'plain text' },
] as const;
const CHATS: readonly { id: ChatChoice; label: string }[] = [
  { id: 'as set', label: 'as set up' },
  { id: 'on', label: 'with it' },
  { id: 'off', label: 'without it' },
];
const MOST_TEMPERATURE = 10;
const MOST_NEW_TOKENS = 4096;

/** How a prompt is written, and how answers are drawn. */
export function PromptSettings() {
  const form = useTryPrompt((state) => state.form);
  const chat = useTryPrompt((state) => state.chat);
  const temperature = useTryPrompt((state) => state.temperature);
  const maxNewTokens = useTryPrompt((state) => state.maxNewTokens);
  const seed = useTryPrompt((state) => state.seed);
  return (
    <div className="prompt-settings">
      <label className="stack tight">
        <span>Written as</span>
        <select
          value={form}
          onChange={(event) =>
            setTryPrompt({ form: FORMS.find(({ id }) => id === event.target.value)?.id ?? 'plain' })
          }
        >
          {FORMS.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label className="stack tight">
        <span>Chat template</span>
        <select
          value={chat}
          onChange={(event) =>
            setTryPrompt({ chat: CHATS.find(({ id }) => id === event.target.value)?.id ?? 'as set' })
          }
        >
          {CHATS.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <NumberBox
        label="Most new tokens"
        value={maxNewTokens}
        set={(value) => setTryPrompt({ maxNewTokens: value })}
        min={1}
        max={MOST_NEW_TOKENS}
        step={1}
      />
      <NumberBox
        label="Temperature"
        note={temperature === 0 ? 'greedy' : undefined}
        value={temperature}
        set={(value) => setTryPrompt({ temperature: value })}
        min={0}
        max={MOST_TEMPERATURE}
        step={0.1}
      />
      {temperature > 0 && (
        <NumberBox
          label="Seed"
          value={seed}
          set={(value) => setTryPrompt({ seed: value })}
          min={0}
          max={2 ** 31 - 1}
          step={1}
        />
      )}
    </div>
  );
}

interface NumberProps {
  label: string;
  note?: string | undefined;
  value: number;
  set: (value: number) => void;
  min: number;
  max: number;
  step: number;
}

/** A number within its range; the browser says what is wrong with one that is not, and does not send it. */
function NumberBox({ label, note, value, set, min, max, step }: NumberProps) {
  const take = (typed: HTMLInputElement) => {
    if (typed.value !== '' && typed.validity.valid) set(typed.valueAsNumber);
  };
  return (
    <label className="stack tight">
      <span>
        {label} {note !== undefined && <span className="muted small">{note}</span>}
      </span>
      <input
        type="number"
        required
        defaultValue={value}
        min={min}
        max={max}
        step={step}
        onChange={(event) => take(event.currentTarget)}
      />
    </label>
  );
}
