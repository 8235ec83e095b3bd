/** How things are looked at: theme, tab, x axis, smoothing, and the cursor all charts share. */
import { create } from 'zustand';
import { recall, remember } from './saved';

export const AXES = [
  { id: 'step', label: 'Steps', unit: 'step' },
  { id: 'epoch', label: 'Epochs', unit: 'epoch' },
  { id: 'num_tokens', label: 'Tokens trained', unit: 'tokens trained' },
  { id: 'tokens_generated', label: 'Tokens generated', unit: 'tokens generated' },
  { id: 'seconds', label: 'Seconds', unit: 's' },
] as const;
export type AxisId = (typeof AXES)[number]['id'];

export const TABS = [
  { id: 'setup', label: 'Set up' },
  { id: 'watch', label: 'Watch' },
  { id: 'compare', label: 'Compare' },
] as const;
export type TabId = (typeof TABS)[number]['id'];

export type Theme = 'light' | 'dark';

interface ViewState {
  theme: Theme;
  tab: TabId;
  axis: AxisId;
  /** Weight of the past in the exponential mean, 0 (raw) to 0.95. */
  smoothing: number;
}

// Epochs first: a ReFT run that goes on from SFT's warm-up then begins where SFT stood.
export const useView = create<ViewState>(() => ({
  theme: 'light',
  tab: 'setup',
  axis: 'epoch',
  smoothing: 0.6,
}));

/** Where the pointer is on the x axis, in its unit; null when it is on no chart. Its own store: it moves every frame. */
export const useCursor = create<{ x: number | null }>(() => ({ x: null }));

export function setCursor(x: number | null): void {
  useCursor.setState({ x });
}

export function setTab(tab: TabId): void {
  useView.setState({ tab });
}

export function setAxis(axis: AxisId): void {
  setCursor(null);
  useView.setState({ axis });
}

export function setSmoothing(smoothing: number): void {
  useView.setState({ smoothing: Math.min(0.95, Math.max(0, smoothing)) });
}

/** The saved theme, else what the system asks for. */
export function startTheme(prefersDark: boolean): void {
  const read = (value: unknown): Theme | null => (value === 'light' || value === 'dark' ? value : null);
  applyTheme(recall<Theme>('theme', read, prefersDark ? 'dark' : 'light'));
}

export function toggleTheme(): void {
  const theme = useView.getState().theme === 'dark' ? 'light' : 'dark';
  remember('theme', theme);
  applyTheme(theme);
}

function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  useView.setState({ theme });
}
