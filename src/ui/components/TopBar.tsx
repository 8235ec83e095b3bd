import { toggleTheme, useView } from '../stores/view';
import { useEngine } from '../stores/engine';
import { AdapterChip } from './AdapterChip';
import { StatusLine } from './StatusLine';
import { Transport } from './Transport';

export function TopBar() {
  const version = useEngine((state) => state.catalogue?.version);
  return (
    <header className="bar">
      <h1 className="brand" title={version === undefined ? undefined : `version ${version}`}>
        ReFT lab
      </h1>
      <AdapterChip />
      <StatusLine />
      <span className="spacer" />
      <Transport />
      <a className="bar-link small" href="./bench.html">
        Bench
      </a>
      <ThemeToggle />
    </header>
  );
}

function ThemeToggle() {
  const theme = useView((state) => state.theme);
  const other = theme === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      className="quiet theme-toggle"
      onClick={toggleTheme}
      aria-label={`Use the ${other} theme`}
    >
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.5" />
        <path d="M8 2 A6 6 0 0 1 8 14 Z" fill="currentColor" />
      </svg>
    </button>
  );
}
