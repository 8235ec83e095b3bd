import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { EngineClient } from '../worker/client';
import { App } from './components/App';
import { connectEngine } from './stores/engine';
import { followComparison } from './stores/comparison';
import { startHub } from './stores/hub';
import { report } from './stores/notices';
import { startRecorded } from './stores/recorded';
import { startRuns } from './stores/runs';
import { chooseDefaultModel, followEstimate, followPreview } from './stores/setup_actions';
import { startTryPrompt } from './stores/try_prompt';
import { startTheme } from './stores/view';
import './theme.css';
import './base.css';
import './styles/frame.css';
import './styles/setup.css';
import './styles/tables.css';
import './styles/charts.css';
import './styles/watch.css';
import './styles/try_prompt.css';

/** Starts the engine in its worker, connects the stores to it and draws the page. */
function start(): void {
  startTheme(window.matchMedia('(prefers-color-scheme: dark)').matches);
  const worker = new Worker(new URL('../worker/worker.ts', import.meta.url), {
    type: 'module',
    name: 'engine',
  });
  const connected = connectEngine(new EngineClient(worker), 'gpu' in navigator && Boolean(navigator.gpu));
  followEstimate();
  followPreview();
  followComparison();
  startTryPrompt();
  void startRuns().then(startRecorded);
  connected.then(chooseDefaultModel).catch(report);
  void startHub();
  const root = document.getElementById('root');
  if (root) {
    createRoot(root).render(
      <StrictMode>
        <App />
      </StrictMode>,
    );
    // The drawing library comes after the page and before a run: evaluating it must hold up neither.
    setTimeout(() => void import('./charts/ChartGrid').catch(report));
  }
}

start();
