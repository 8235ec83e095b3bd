import { useId, useState, type ChangeEvent } from 'react';
import { saveFile } from '../lib/download';
import {
  openReport,
  RECORDED,
  reportBytes,
  showRecorded,
  startBench,
  stopBench,
  SUITES,
  useBench,
} from './bench_store';

/** What to measure, starting and stopping, and reports in and out; one line says where it is. */
export function BenchControls() {
  const [chosen, setChosen] = useState<readonly string[]>(['kernels', 'steps']);
  const phase = useBench((state) => state.phase);
  const isGoing = phase === 'starting' || phase === 'running';
  const toggle = (id: string) =>
    setChosen(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]);
  return (
    <section className="stack" aria-label="Measure">
      <fieldset className="row wrap bench-suites" disabled={isGoing}>
        <legend className="visually-hidden">What to measure</legend>
        {SUITES.map(({ id, label, help }) => (
          <label key={id} className="row" title={help}>
            <input type="checkbox" checked={chosen.includes(id)} onChange={() => toggle(id)} />
            {label}
          </label>
        ))}
      </fieldset>
      <div className="row wrap">
        {isGoing ? (
          <button type="button" className="primary" onClick={stopBench}>
            Stop
          </button>
        ) : (
          <button
            type="button"
            className="primary"
            onClick={() => startBench({ suites: [...chosen], models: [] })}
          >
            Measure this GPU
          </button>
        )}
        <ReportFiles disabled={isGoing} />
      </div>
      <Status />
    </section>
  );
}

function ReportFiles({ disabled }: { disabled: boolean }) {
  const id = useId();
  const hasFigures = useBench((state) => state.figures.length > 0);
  const recorded = useBench((state) => (state.source === 'recorded' ? state.name : ''));
  const open = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    if (file) void openReport(file);
    event.target.value = '';
  };
  return (
    <>
      <span className="button-file">
        <button type="button" disabled={disabled} onClick={() => document.getElementById(id)?.click()}>
          Open a report
        </button>
        <input
          id={id}
          type="file"
          accept=".json,application/json"
          className="visually-hidden"
          tabIndex={-1}
          aria-label="Report file"
          onChange={open}
        />
      </span>
      <button
        type="button"
        disabled={disabled || !hasFigures}
        onClick={() => saveFile('bench.json', reportBytes())}
      >
        Save as JSON
      </button>
      {RECORDED.length > 0 && (
        <select
          aria-label="Recorded runs"
          value={recorded}
          disabled={disabled}
          onChange={(event) => void showRecorded(event.target.value)}
        >
          <option value="" disabled>
            Recorded runs
          </option>
          {RECORDED.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </>
  );
}

function Status() {
  const { phase, source, name, figures } = useBench();
  const count = `${figures.length} figures`;
  const sentence = {
    empty: 'Nothing has been measured yet.',
    starting: 'Opening the GPU…',
    running: `Measuring: ${count} so far${figures.length ? `, last ${figures.at(-1)?.name}` : ''}.`,
    done:
      source === 'here'
        ? `Done: ${count}, measured here.`
        : `${source === 'file' ? 'From the file' : 'Recorded'}: ${name}, ${count}.`,
    failed: 'The bench could not be finished.',
    stopped: `Stopped: ${count}.`,
  }[phase];
  return <p role="status">{sentence}</p>;
}
