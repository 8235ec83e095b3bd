import { TABS, setTab, useView, type TabId } from '../stores/view';
import { hasOwnRuns, useRuns } from '../stores/runs';
import { useSetup } from '../stores/setup';
import { DropEverywhere } from './DropEverywhere';
import { Notices } from './Notices';
import { Rail } from './Rail';
import { Stage } from './Stage';
import { TopBar } from './TopBar';

/** The frame: bar, rail, stage. Under 900 px one of three tabs fills the page. */
export function App() {
  const tab = useView((state) => state.tab);
  const fresh = useFresh();
  return (
    <div className="app" data-tab={tab} data-fresh={fresh}>
      <a className="skip" href="#stage">
        Skip to the charts
      </a>
      <TopBar />
      {!fresh && <Tabs tab={tab} />}
      <div className="frame">
        <Notices />
        <Rail />
        <Stage fresh={fresh} />
      </div>
      <DropEverywhere />
    </div>
  );
}

/** Nothing made and nothing opened yet: the first screen. */
function useFresh(): boolean {
  const hasRuns = useRuns(hasOwnRuns);
  const hasDataset = useSetup((state) => state.dataset !== null);
  return !hasRuns && !hasDataset;
}

function Tabs({ tab }: { tab: TabId }) {
  return (
    <nav className="tabs" aria-label="Views">
      {TABS.map(({ id, label }) => (
        <button
          key={id}
          type="button"
          aria-current={tab === id ? 'page' : undefined}
          onClick={() => setTab(id)}
        >
          {label}
        </button>
      ))}
    </nav>
  );
}
