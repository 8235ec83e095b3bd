import { useShallow } from 'zustand/react/shallow';
import type { RunRecord } from '../../runs/run';
import { textColour } from '../lib/colours';
import { settingDifferences, type SettingDifference } from '../lib/config';
import { formatSetting } from '../lib/format';
import { useRuns } from '../stores/runs';
import { shownRunsBy } from '../stores/shown_runs';

const configuredRuns = shownRunsBy((run) => [run.record.config, run.record.name]);

/** Settings of the shown runs side by side, differences only. */
export function SettingsPanel() {
  const records = useRuns(useShallow(configuredRuns)).map((run) => run.record);
  if (records.length < 2) return null;
  const differences = settingDifferences(records);
  const shared = differences.filter((difference) => difference.shared);
  const own = differences.filter((difference) => !difference.shared);
  return (
    <section className="panel" aria-label="Settings side by side">
      <header className="panel-head">
        <h2>Settings that differ</h2>
      </header>
      {shared.length === 0 && <p className="muted">What these runs both set, they set alike.</p>}
      {shared.length > 0 && (
        <Differences label="Settings that differ" records={records} differences={shared} />
      )}
      {own.length > 0 && (
        <details>
          <summary>Settings only one recipe has ({own.length})</summary>
          <Differences label="Settings only one recipe has" records={records} differences={own} />
        </details>
      )}
    </section>
  );
}

interface Props {
  label: string;
  records: readonly RunRecord[];
  differences: readonly SettingDifference[];
}

function Differences({ label, records, differences }: Props) {
  const colours = useRuns((state) => state.colours);
  return (
    <div className="table-scroll" tabIndex={0} role="group" aria-label={`${label}, scrolls sideways`}>
      <table aria-label={label} className="settings">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            {records.map((record) => (
              <th scope="col" key={record.id} style={{ color: textColour(colours[record.id]) }}>
                {record.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {differences.map(({ name, values }) => (
            <tr key={name}>
              <th scope="row" className="mono">
                {name}
              </th>
              {values.map((value, i) => (
                <td key={records[i]?.id} className={value === undefined ? 'muted' : undefined}>
                  {formatSetting(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
