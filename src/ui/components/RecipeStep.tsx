import { useId } from 'react';
import { useEngine } from '../stores/engine';
import { presetOf, recipeOf, setPreset, setRecipe, useSetup } from '../stores/setup';
import { EstimateLine } from './EstimateLine';
import { FieldGroups } from './FieldGroups';

/** How to train: the recipe, its preset with where it comes from, and every setting. */
export function RecipeStep() {
  const presetSelect = useId();
  const recipes = useEngine((state) => state.catalogue?.recipes);
  const recipeId = useSetup(recipeOf);
  const recipe = recipes?.find((candidate) => candidate.id === recipeId);
  const presetId = useSetup((state) => presetOf(state, recipeId));
  const preset = recipe?.presets.find((candidate) => candidate.id === presetId);
  if (!recipes || !recipe) return <p className="muted">Waiting for the engine.</p>;
  return (
    <div className="stack">
      <fieldset>
        <legend className="visually-hidden">Recipe</legend>
        <div className="segments">
          {recipes.map((candidate) => (
            <label key={candidate.id}>
              <input
                type="radio"
                name="recipe"
                className="visually-hidden"
                checked={candidate.id === recipe.id}
                onChange={() => setRecipe(candidate.id)}
              />
              <span>{candidate.label}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <p className="small muted">
        {recipe.help} <cite>{recipe.paper}</cite>
      </p>
      <div className="stack tight">
        <label htmlFor={presetSelect}>Preset</label>
        <select
          id={presetSelect}
          value={presetId}
          onChange={(event) => setPreset(recipe.id, event.target.value)}
        >
          {recipe.presets.map((candidate) => (
            <option key={candidate.id} value={candidate.id}>
              {candidate.label}
            </option>
          ))}
        </select>
        {preset && <span className="small muted">{preset.source}</span>}
      </div>
      <EstimateLine />
      <FieldGroups recipe={recipe} presetId={presetId} />
    </div>
  );
}
