import { test } from 'vitest';
import { testNumbers } from './case_numbers';
import { expectGradient } from './compare';
import { rowsCases } from './rows.cases';
import { gatherRowsReference, scatterRowsReference } from './rows.reference';
import { describeCases } from './testing';

describeCases('rows', rowsCases);

test('scatter_rows is the gradient of gather_rows: reference against central differences', () => {
  const [N, C] = [5, 3];
  const rows = [4, 1, 2];
  const inp = Float64Array.from(testNumbers(N * C, 1));
  const dout = testNumbers(rows.length * C, 2);
  const loss = (x: Float64Array): number =>
    gatherRowsReference(x, rows, C).reduce((sum, out, i) => sum + out * (dout[i] ?? 0), 0);
  expectGradient('dinp', loss, inp, scatterRowsReference(dout, rows, N, C));
});
