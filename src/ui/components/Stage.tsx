import { lazy, Suspense } from 'react';
import { hasOwnRuns, useRuns } from '../stores/runs';
import { useSetup } from '../stores/setup';
import { useTryPrompt } from '../stores/try_prompt';
import { ChartControls } from './ChartControls';
import { ComparePanel } from './ComparePanel';
import { CompletionsPanel } from './CompletionsPanel';
import { DatasetPanel } from './DatasetPanel';
import { RunsPanel } from './RunsPanel';
import { RunStrips } from './RunStrips';
import { SettingsPanel } from './SettingsPanel';
import { TryPrompt } from './TryPrompt';
import { Welcome } from './Welcome';

const ChartGrid = lazy(() => import('../charts/ChartGrid'));

/** The centre: what is being set up, then the charts, then the runs and what they answered. */
export function Stage({ fresh }: { fresh: boolean }) {
  const hasOwn = useRuns(hasOwnRuns);
  const showsRecorded = useRuns((state) => !hasOwnRuns(state) && state.shown.length > 0);
  const listed = useRuns((state) => state.listed);
  const hasDataset = useSetup((state) => state.dataset !== null);
  const tries = useTryPrompt((state) => state.open);
  return (
    <main className="stage" id="stage" tabIndex={-1}>
      {tries && <TryPrompt />}
      {fresh && listed && <Welcome />}
      {!fresh && !hasOwn && <Welcome compact />}
      {hasDataset && <DatasetPanel />}
      {(hasOwn || showsRecorded) && (
        <>
          {showsRecorded && <RecordedNote />}
          <div className="watch">
            <RunStrips />
            <ChartControls />
            <Suspense fallback={<div className="charts-waiting" />}>
              <ChartGrid />
            </Suspense>
          </div>
          <div className="compare">
            <RunsPanel />
            <ComparePanel />
            <CompletionsPanel />
            <SettingsPanel />
          </div>
        </>
      )}
    </main>
  );
}

/** Nobody mistakes what was recorded elsewhere for what this machine did. */
function RecordedNote() {
  const adapter = useRuns((state) => Object.values(state.runs).find((run) => run.recorded)?.record.adapter);
  return (
    <p className="recorded-note">
      <span className="tag">recorded</span> These runs were made beforehand on {adapter} and come with the
      lab. Your own take their place when you start one.
    </p>
  );
}
