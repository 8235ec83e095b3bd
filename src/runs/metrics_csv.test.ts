import { describe, expect, it } from 'vitest';
import { metricsHeader, metricsLine, parseMetricsCsv } from './metrics_csv';
import type { MetricRow } from './run';

const KEYS = ['loss', 'eval/accuracy'];

describe('metrics.csv', () => {
  it('reads every number back to the same bits, and leaves gaps as gaps', () => {
    const rows: MetricRow[] = [
      { step: 1, timestamp: 1.7e9 + 1 / 3, values: { loss: 0.1 + 0.2 } },
      { step: 2, timestamp: 1.7e9, values: { loss: 5e-324, 'eval/accuracy': -0 } },
      { step: 3, timestamp: 1.7e9, values: { loss: NaN, 'eval/accuracy': -Infinity } },
      { step: 4, timestamp: 1.7e9, values: {} },
    ];
    const text = metricsHeader(KEYS) + rows.map((row) => metricsLine(row, KEYS)).join('');
    const back = parseMetricsCsv(text);
    expect(back).toHaveLength(4);
    expect(back[0]).toEqual(rows[0]);
    expect(back[1]).toEqual({ ...rows[1], values: { loss: 5e-324, 'eval/accuracy': 0 } });
    expect(back[2]).toEqual(rows[2]);
    expect(back[3]?.values).toEqual({});
  });

  it('has the header step,timestamp,<metrics>', () => {
    expect(metricsHeader(KEYS)).toBe('step,timestamp,loss,eval/accuracy\n');
  });

  it('refuses a metric the header does not have', () => {
    expect(() => metricsLine({ step: 1, timestamp: 0, values: { kl: 1 } }, KEYS)).toThrow(/"kl"/);
  });

  it('leaves out a last line cut off while it was written', () => {
    expect(parseMetricsCsv('step,timestamp,loss\n1,2,0.5\n2,3,0.2')).toHaveLength(1);
    expect(parseMetricsCsv('step,timestamp,loss\n1,2,0.5\n2,')).toHaveLength(1);
    expect(parseMetricsCsv('step,timestamp,loss\n')).toHaveLength(0);
  });

  it('names the line and column of what is not a number', () => {
    expect(() => parseMetricsCsv('step,timestamp,loss\n1,2,0.5\n2,3,high\n')).toThrow(
      'Line 3 of metrics.csv: loss is "high", not a number.',
    );
    expect(() => parseMetricsCsv('step,timestamp,loss\n1,2\n')).toThrow(
      'Line 2 of metrics.csv has 2 values for 3 columns.',
    );
    expect(() => parseMetricsCsv('time,loss\n')).toThrow(/does not begin with/);
    expect(() => parseMetricsCsv('')).toThrow(/does not begin with/);
  });
});
