import { beforeEach, describe, expect, it } from 'vitest';
import { exampleRecord } from '../../runs/testing';
import { EngineClient, type EnginePort } from '../../worker/client';
import type { Command, Event, Replies } from '../../worker/protocol';
import { connectEngine } from './engine';
import { dismissAll, useNotices } from './notices';
import { activeRun, addRecorded, consume, deleteRun, setShown, startRuns, useRuns } from './runs';

const saved = [
  exampleRecord({ id: 'a', name: 'SFT 1', status: 'done', created: '2026-01-01' }),
  exampleRecord({ id: 'b', name: 'ReFT 1', recipe: 'reft', status: 'done', created: '2026-01-02' }),
  exampleRecord({ id: 'c', name: 'SFT 2', status: 'stopped', created: '2026-01-03' }),
];

/** Answers what the runs store asks, as the engine would with three saved runs. */
function answer(command: Command): Replies[Command['type']] {
  switch (command.type) {
    case 'catalogue':
      return { recipes: [], models: [], problems: [], version: '0' };
    case 'list_runs':
      return saved;
    case 'load_run': {
      const record = saved.find(({ id }) => id === command.run) ?? exampleRecord();
      return { record, metrics: [{ step: 1, timestamp: 0, values: { loss: 1 } }], completions: [] };
    }
    default:
      return null;
  }
}

async function start(): Promise<void> {
  const port: EnginePort = {
    onmessage: null,
    onerror: null,
    onmessageerror: null,
    terminate: () => undefined,
    postMessage: (command) => {
      const reply: Event = {
        type: 'reply',
        request: command.request,
        command: command.type,
        value: answer(command),
      };
      port.onmessage?.(new MessageEvent('message', { data: reply }));
    },
  };
  await connectEngine(new EngineClient(port), false);
  const never = {
    frame: () => 0,
    cancelFrame: () => undefined,
    timer: () => 0,
    cancelTimer: () => undefined,
  };
  await startRuns(never);
  await new Promise((resolve) => setTimeout(resolve, 0));
}

beforeEach(async () => {
  useRuns.setState({ runs: {}, shown: [], colours: {}, current: null, listed: false });
  dismissAll();
  await start();
});

describe('runs', () => {
  it('are listed at the start; the latest two are shown, with their figures read', () => {
    const { runs, shown, listed, colours } = useRuns.getState();
    expect(listed).toBe(true);
    expect(shown).toEqual(['b', 'c']);
    expect(shown.map((id) => runs[id]?.loaded)).toEqual([true, true]);
    expect(runs.a?.loaded).toBe(false);
    expect(colours).toMatchObject({ a: { hue: 'blue' }, b: { hue: 'orange' }, c: { hue: 'teal' } });
  });

  it('that begin take the charts, later ones join them', () => {
    const begin = (id: string, created: string) =>
      consume([{ type: 'run_created', run: id, record: exampleRecord({ id, created }) }]);
    begin('d', '2026-02-01');
    expect(useRuns.getState().shown).toEqual(['d']);
    begin('e', '2026-02-02');
    expect(useRuns.getState().shown).toEqual(['d', 'e']);
  });

  it('are active from their first word to their last', () => {
    expect(activeRun(useRuns.getState())).toBeUndefined();
    consume([
      { type: 'run_created', run: 'd', record: exampleRecord({ id: 'd' }) },
      {
        type: 'run_status',
        run: 'd',
        status: 'paused',
        step: 1,
        total: 2,
        phase: 'train',
        tokensPerSecond: 0,
        secondsLeft: null,
        seconds: {},
        gradeSeconds: 0,
      },
    ]);
    expect(activeRun(useRuns.getState())?.record.id).toBe('d');
    const failed = exampleRecord({
      id: 'd',
      status: 'failed',
      step: 1,
      error: { code: 'device_lost', message: 'The GPU stopped.' },
    });
    consume([{ type: 'run_finished', run: 'd', record: failed }]);
    expect(activeRun(useRuns.getState())).toBeUndefined();
    expect(useNotices.getState().notices[0]?.message).toMatch(/failed at step 1. The GPU stopped.*kept/);
  });

  it('leave the charts when they are deleted', async () => {
    setShown(['a', 'b']);
    await deleteRun('b');
    expect(useRuns.getState().shown).toEqual(['a']);
    expect(useRuns.getState().runs.b).toBeUndefined();
  });

  it('shipped with the lab are labelled, and never take the place of one of the same id', () => {
    addRecorded({ record: exampleRecord({ id: 'demo' }), metrics: [], completions: [] });
    addRecorded({ record: exampleRecord({ id: 'a', name: 'other' }), metrics: [], completions: [] });
    const { runs } = useRuns.getState();
    expect(runs.demo?.recorded).toBe(true);
    expect(runs.a).toMatchObject({ recorded: false, record: { name: 'SFT 1' } });
  });
});
