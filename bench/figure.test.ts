import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { costOf, kernelFigureName, measureOf, parseKernelName } from './cost';
import { addFigures, median, parseReport } from './figure';
import { figureLine, formatValue, rooflineLine } from './table';

const REPORT = {
  adapter: 'a GPU',
  versions: { lab: '1' },
  roofline: { copy_gb_s: 5, fma_gflop_s: null },
  figures: [{ name: 'steps/nano/score', value: 3, unit: 'tokens/s', samples: 5, fraction_of_roof: 0.5 }],
};

test('the median of odd, even and no values', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('a report is read back as it was written', () => {
  expect(parseReport(JSON.stringify(REPORT))).toEqual(REPORT);
});

test('figures measured later join a report of the same adapter, and replace their namesakes', () => {
  const [first] = REPORT.figures;
  if (!first) throw new Error('no figure');
  const [again, other] = [
    { ...first, value: 4 },
    { ...first, name: 'other' },
  ];
  const later = { ...REPORT, roofline: { copy_gb_s: 6, fma_gflop_s: 7 }, figures: [again, other] };
  expect(addFigures(REPORT, later)).toEqual({ ...later, figures: [again, other] });
  expect(addFigures(later, REPORT).figures).toEqual([first, other]);
  expect(() => addFigures(REPORT, { ...later, adapter: 'another' })).toThrow(/takes no figures/);
});

test.each([
  ['{', /not JSON/],
  ['[]', /no object/],
  [JSON.stringify({ ...REPORT, adapter: undefined }), /adapter/],
  [JSON.stringify({ ...REPORT, roofline: { copy_gb_s: 5 } }), /fma_gflop_s/],
  [JSON.stringify({ ...REPORT, roofline: { copy_gb_s: 0, fma_gflop_s: 1 } }), /positive/],
  [JSON.stringify({ ...REPORT, figures: [{ name: 'x' }] }), /figure 1/],
])('%s is no report', (text, reason) => {
  expect(() => parseReport(text)).toThrow(reason);
});

test('the reports that come with the lab are reports, with nothing but what a report holds', () => {
  const folder = join('bench', 'results');
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    const report = parseReport(readFileSync(join(folder, file), 'utf8'));
    expect(Object.keys(report).sort()).toEqual(['adapter', 'figures', 'roofline', 'versions']);
    expect(new Set(report.figures.map(({ name }) => name)).size).toBe(report.figures.length);
  }
});

test('a kernel’s name carries its dims, from which its cost is known', () => {
  const parts = { model: 'GPT-2', kernel: 'matmul_nt', role: 'qkv', dims: { M: 2, N: 3, K: 5 } };
  const name = kernelFigureName(parts);
  expect(name).toBe('kernels/GPT-2/matmul_nt/qkv/M=2,N=3,K=5');
  expect(parseKernelName(name)).toEqual(parts);
  const without = { ...parts, role: '' };
  expect(parseKernelName(kernelFigureName(without))).toEqual(without);
  expect(costOf('matmul_nt', parts.dims)).toEqual({ flops: 60, bytes: 4 * (10 + 15 + 6), stream: 'copy' });
  expect(measureOf('matmul_nt')).toBe('flops');
  expect(parseKernelName('kernels/GPT-2/unheard_of/M=2')).toBeUndefined();
  expect(parseKernelName('steps/nano/score')).toBeUndefined();
  expect(() => costOf('matmul_nt', { M: 1 })).toThrow(/needs/);
});

test('attention counts the pairs that a causal mask leaves', () => {
  const dims = { B: 2, T: 3, NH: 4, NKV: 2, HS: 8 };
  expect(costOf('attention_forward', dims).flops).toBe(4 * 2 * 4 * 6 * 8);
  expect(costOf('attention_backward', dims).flops).toBe(2.5 * costOf('attention_forward', dims).flops);
});

test('values are written with three digits, thousands apart', () => {
  expect([1234567, 99.95, 9.876, 0.01234, 0, 12].map(formatValue)).toEqual([
    '1,234,567',
    '100.0',
    '9.88',
    '0.0123',
    '0',
    '12',
  ]);
  expect(figureLine({ ...REPORT.figures[0]!, name: 'n' })).toMatch(/^n\s+3 tokens\/s\s+50\.0 % of roof$/);
  expect(rooflineLine(REPORT.roofline)).toBe('roofline: copy 5.00 GB/s, FMA unknown'.replace('5.00', '5'));
});
