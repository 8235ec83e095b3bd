import { memo, useId, useState } from 'react';
import type { SettingValue } from '../../runs/run';
import type { Field } from '../../worker/protocol';
import { fieldProblem, parseSetting } from '../lib/config';
import { formatSetting } from '../lib/format';
import { setField } from '../stores/setup';
import { Hint } from './Hint';

interface Props {
  recipe: string;
  field: Field;
  value: SettingValue | undefined;
  /** What the preset says. */
  base: SettingValue | undefined;
}

/** One setting: label, control, what the preset says when it was changed, and what is wrong when something is. */
export const FieldControl = memo(function FieldControl({ recipe, field, value, base }: Props) {
  const id = useId();
  const problem = fieldProblem(field, value);
  const changed = value !== base;
  const set = (next: SettingValue) => setField(recipe, field.name, next);
  return (
    <div className={changed ? 'field hint-host changed' : 'field hint-host'}>
      <div className="field-label">
        <label htmlFor={id}>{field.label}</label>
        <Hint
          subject={field.label}
          text={`${field.help}${rangeOf(field)}`}
          source={`${field.name}. ${field.source}`}
        />
      </div>
      <Control id={id} field={field} value={value} set={set} invalid={problem !== null} />
      {problem !== null ? (
        <p id={`${id}-problem`} className="small fault field-note">
          {problem}
        </p>
      ) : (
        changed && (
          <p className="small muted field-note">
            preset {formatSetting(base)}{' '}
            {base !== undefined && (
              <button type="button" className="quiet small" onClick={() => set(base)}>
                Reset <span className="visually-hidden">{field.label}</span>
              </button>
            )}
          </p>
        )
      )}
    </div>
  );
});

function rangeOf({ min, max }: Field): string {
  if (min !== undefined && max !== undefined) return ` From ${formatSetting(min)} to ${formatSetting(max)}.`;
  if (min !== undefined) return ` At least ${formatSetting(min)}.`;
  return max === undefined ? '' : ` At most ${formatSetting(max)}.`;
}

interface ControlProps {
  id: string;
  field: Field;
  value: SettingValue | undefined;
  set: (value: SettingValue) => void;
  invalid: boolean;
}

function Control({ id, field, value, set, invalid }: ControlProps) {
  if (field.kind === 'boolean') {
    return (
      <input
        id={id}
        type="checkbox"
        checked={value === true}
        onChange={(event) => set(event.target.checked)}
      />
    );
  }
  if (field.kind === 'choice') {
    return (
      <select id={id} value={String(value)} onChange={(event) => set(event.target.value)}>
        {field.choices?.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  }
  return <TextBox id={id} field={field} value={value} set={set} invalid={invalid} />;
}

/** A text, or a number as typed: "1e-4" stays as it was written while it means the value. */
function TextBox({ id, field, value, set, invalid }: ControlProps) {
  const [typed, setTyped] = useState('');
  const shown = parseSetting(field, typed) === value ? typed : formatSetting(value);
  return (
    <input
      id={id}
      type="text"
      inputMode={field.kind === 'text' ? 'text' : 'decimal'}
      autoComplete="off"
      value={shown}
      aria-invalid={invalid}
      aria-describedby={invalid ? `${id}-problem` : undefined}
      onChange={(event) => {
        setTyped(event.target.value);
        set(parseSetting(field, event.target.value));
      }}
    />
  );
}
