import { useSetup } from '../stores/setup';
import { useEngine } from '../stores/engine';
import { dataSummary, modelSummary, recipeSummary, runSummary } from '../lib/summaries';
import { DataStep } from './DataStep';
import { ModelStep } from './ModelStep';
import { RecipeStep } from './RecipeStep';
import { RunStep } from './RunStep';
import { StartBar } from './StartBar';
import { Step } from './Step';

/** The setup rail: four steps, each one line when folded, and the button that starts it all. */
export function Rail() {
  const catalogue = useEngine((state) => state.catalogue);
  // The default preset depends on the adapter.
  useEngine((state) => state.capability);
  const data = useSetup(dataSummary);
  const model = useSetup((state) => modelSummary(state, catalogue));
  const recipe = useSetup((state) => recipeSummary(state, catalogue));
  const run = useSetup(runSummary);
  return (
    <aside className="rail" aria-label="Set up a run">
      <div className="rail-steps">
        <Step id="data" title="Data" summary={data}>
          <DataStep />
        </Step>
        <Step id="model" title="Model" summary={model}>
          <ModelStep />
        </Step>
        <Step id="recipe" title="Recipe" summary={recipe}>
          <RecipeStep />
        </Step>
        <Step id="run" title="Run" summary={run}>
          <RunStep />
        </Step>
      </div>
      <StartBar />
    </aside>
  );
}
