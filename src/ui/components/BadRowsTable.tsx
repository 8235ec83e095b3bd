import { useState } from 'react';
import type { BadRow } from '../../worker/protocol';
import { plural } from '../lib/format';
import { setLeaveOut, useSetup } from '../stores/setup';

const SHOWN_AT_FIRST = 8;

/** Rows that cannot be used, by line and reason. They are left out only when the person says so. */
export function BadRowsTable({ bad }: { bad: readonly BadRow[] }) {
  const leaveOut = useSetup((state) => state.leaveOut);
  const [all, setAll] = useState(false);
  const shown = all ? bad : bad.slice(0, SHOWN_AT_FIRST);
  return (
    <div className="bad-rows">
      <table>
        <caption>Problems with this file</caption>
        <thead>
          <tr>
            <th scope="col">Line</th>
            <th scope="col">Reason</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row, i) => (
            <tr key={i}>
              <th scope="row">{row.line}</th>
              <td>{row.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < bad.length && (
        <button type="button" className="quiet small" onClick={() => setAll(true)}>
          Show all {bad.length}
        </button>
      )}
      <label className="choice">
        <input type="checkbox" checked={leaveOut} onChange={(event) => setLeaveOut(event.target.checked)} />
        <span>Leave out {plural(bad.length, 'row')}</span>
      </label>
    </div>
  );
}
