import { useMemo } from 'react';
import type { Config } from '../../runs/run';
import type { Field, RecipeInfo } from '../../worker/protocol';
import { changedFields, resolveConfig } from '../lib/config';
import { setPreset, useSetup } from '../stores/setup';
import { FieldControl } from './FieldControl';

interface Props {
  recipe: RecipeInfo;
  presetId: string;
}

const NO_EDITS: Config = {};

/** Every setting of a recipe, by group; a folded group still says what was changed in it. */
export function FieldGroups({ recipe, presetId }: Props) {
  const edits = useSetup((state) => state.edits[recipe.id]) ?? NO_EDITS;
  const config = useMemo(() => resolveConfig(recipe, presetId, edits), [recipe, presetId, edits]);
  const base = useMemo(() => resolveConfig(recipe, presetId, {}), [recipe, presetId]);
  const changed = changedFields(recipe, presetId, config);
  const groups = [...new Set(recipe.fields.map((field) => field.group))];
  return (
    <div className="field-groups">
      {groups.map((group) => {
        const fields = recipe.fields.filter((field) => field.group === group);
        return (
          <details key={group} open>
            <summary>
              {group} <GroupNote fields={fields} changed={changed} />
            </summary>
            <div className="fields">
              {fields.map((field) => (
                <FieldControl
                  key={field.name}
                  recipe={recipe.id}
                  field={field}
                  value={config[field.name]}
                  base={base[field.name]}
                />
              ))}
            </div>
          </details>
        );
      })}
      {changed.length > 0 && (
        <button type="button" className="small" onClick={() => setPreset(recipe.id, presetId)}>
          Back to the preset
        </button>
      )}
    </div>
  );
}

function GroupNote({ fields, changed }: { fields: readonly Field[]; changed: readonly string[] }) {
  const count = fields.filter((field) => changed.includes(field.name)).length;
  return (
    <span className="muted small">
      {fields.length}
      {count > 0 && <span className="changed-note">, {count} changed</span>}
    </span>
  );
}
