import { describe, expect, it } from 'vitest';
import type { MetricRow } from '../../runs/run';
import { buildPlot, xScale, type ChartRun } from './build';
import { MAIN_CHARTS } from './specs';

function run(id: string, rows: MetricRow[], events: ChartRun['events'] = []): ChartRun {
  return { id, name: id, colour: { hue: 'blue', dash: 0 }, rows, events };
}

function row(step: number, values: Record<string, number>): MetricRow {
  return { step, timestamp: step, values };
}

function chart(id: string) {
  const spec = MAIN_CHARTS.find((candidate) => candidate.id === id);
  if (!spec) throw new Error(id);
  return spec;
}

describe('xScale', () => {
  it('reaches as far as the furthest run, on whichever axis', () => {
    const runs = [run('a', [row(10, { epoch: 1 })]), run('b', [row(4, { epoch: 3.5 })])];
    expect(xScale(runs, 'step').max).toBe(10);
    expect(xScale(runs, 'epoch').max).toBe(3.5);
    expect(xScale(runs, 'tokens_generated').max).toBe(1);
  });
});

describe('buildPlot', () => {
  it('draws one line a run on one range, intervals included', () => {
    const accuracy = (value: number) => ({
      'eval/accuracy': value,
      'eval/accuracy_low': value - 0.1,
      'eval/accuracy_high': value + 0.1,
      'eval/n': 200,
    });
    const runs = [
      run('a', [row(1, accuracy(0.4))]),
      run('b', [row(1, accuracy(0.7)), row(2, accuracy(0.62))]),
    ];
    const plot = buildPlot(chart('accuracy'), runs, 'step', 0.9, xScale(runs, 'step'));
    expect(plot.lines.map((line) => line.last?.raw)).toEqual([0.4, 0.62]);
    expect(plot.lines[1]?.drawn.map((point) => point.y)).toEqual([0.7, 0.62]);
    expect(plot.counts).toEqual([200]);
    expect(plot.y.min).toBeLessThanOrEqual(0.3);
    expect(plot.y.max).toBeGreaterThanOrEqual(0.8);
  });

  it('stacks the shares of reward up to 1 and breaks them where they are no number', () => {
    const shares = (right: number) => ({
      'objective/scores': right,
      'reward/correct': right,
      'reward/partial': 0.75 - right,
      'reward/none': 0.25,
    });
    const runs = [run('reft', [row(1, shares(0.25)), row(2, shares(NaN))])];
    const { shares: areas } = buildPlot(chart('reward'), runs, 'step', 0, xScale(runs, 'step'));
    expect(areas.map((area) => area.drawn[0]?.share)).toEqual([
      [0, 0.25],
      [0.25, 0.75],
      [0.75, 1],
    ]);
    expect(areas[0]?.drawn[1]?.share).toBeNull();
  });

  it('marks where the warm-up ends, the last best checkpoint, and every value that is no number', () => {
    const rows = [row(1, { loss: 1 }), row(2, { loss: NaN }), row(3, { loss: 2 })];
    const events: ChartRun['events'] = [
      { step: 1, kind: 'best', text: 'first' },
      { step: 2, kind: 'warmup_end', text: 'PPO begins' },
      { step: 3, kind: 'best', text: 'second' },
      { step: 3, kind: 'evaluation', text: 'not drawn' },
    ];
    const runs = [run('a', rows, events)];
    const { ticks } = buildPlot(chart('loss'), runs, 'step', 0, xScale(runs, 'step'));
    expect(ticks.map(({ kind, x }) => [kind, x])).toEqual([
      ['warmup_end', 2],
      ['best', 3],
      ['nan', 2],
    ]);
  });

  it('has no figures on its axis while there is nothing to draw', () => {
    const runs = [run('sft', [row(1, { loss: 1 })])];
    const plot = buildPlot(chart('kl'), runs, 'step', 0, xScale(runs, 'step'));
    expect(plot.lines).toEqual([]);
    expect(plot.y.ticks).toEqual([]);
  });
});
