import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { startTheme } from '../stores/view';
import '../theme.css';
import '../base.css';
import './self_check.css';
import { SelfCheckPage } from './SelfCheckPage';
import { startSelfCheck } from './self_check_store';

/**
 * The page at self_check.html; `?quick` runs one case of each kernel, `?report=PATH` also posts the results, as JSON, to that
 * path of the same server.
 */
function start(): void {
  startTheme(window.matchMedia('(prefers-color-scheme: dark)').matches);
  const query = new URLSearchParams(location.search);
  startSelfCheck(query.has('quick') ? 'quick' : 'all', query.get('report'));
  const root = document.getElementById('root');
  if (root) {
    createRoot(root).render(
      <StrictMode>
        <SelfCheckPage />
      </StrictMode>,
    );
  }
}

start();
