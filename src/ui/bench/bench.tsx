import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { startTheme } from '../stores/view';
import '../theme.css';
import '../base.css';
import './bench.css';
import { BenchPage } from './BenchPage';
import { SUITES, showFirst, startBench } from './bench_store';

/**
 * The page at bench.html. `?run` starts at once; `suite`, `model` and `axis` (names with commas) choose what, `report=PATH` posts the
 * report, as JSON, to that path of the same server.
 */
function start(): void {
  startTheme(window.matchMedia('(prefers-color-scheme: dark)').matches);
  const query = new URLSearchParams(location.search);
  const list = (name: string): string[] => (query.get(name) ?? '').split(',').filter(Boolean);
  if (query.has('run')) {
    const suites = query.has('suite') ? list('suite') : SUITES.map(({ id }) => id);
    startBench({ suites, models: list('model'), axis: query.get('axis') ?? '' }, query.get('report'));
  } else void showFirst();
  const root = document.getElementById('root');
  if (root) {
    createRoot(root).render(
      <StrictMode>
        <BenchPage />
      </StrictMode>,
    );
  }
}

start();
