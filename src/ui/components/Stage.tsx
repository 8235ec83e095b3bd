import { lazy, Suspense } from 'react';
import { useRuns } from '../stores/runs';
import { useSetup } from '../stores/setup';
import { ChartControls } from './ChartControls';
import { ComparePanel } from './ComparePanel';
import { CompletionsPanel } from './CompletionsPanel';
import { DatasetPanel } from './DatasetPanel';
import { RunsPanel } from './RunsPanel';
import { RunStrips } from './RunStrips';
import { SettingsPanel } from './SettingsPanel';
import { Welcome } from './Welcome';

const ChartGrid = lazy(() => import('../charts/ChartGrid'));

/** The centre: what is being set up, then the charts, then the runs and what they answered. */
export function Stage({ fresh }: { fresh: boolean }) {
  const hasRuns = useRuns((state) => Object.keys(state.runs).length > 0);
  const listed = useRuns((state) => state.listed);
  const hasDataset = useSetup((state) => state.dataset !== null);
  return (
    <main className="stage" id="stage" tabIndex={-1}>
      {fresh && listed && <Welcome />}
      {!fresh && !hasRuns && <Welcome compact />}
      {hasDataset && <DatasetPanel />}
      {hasRuns && (
        <>
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
