import { test } from 'vitest';
import { attentionForwardReference } from './attention.reference';
import { testNumbers } from './case_numbers';
import { expectClose } from './compare';
import { NO_SLOT } from './decode';
import { decodeCases } from './decode.cases';
import { decodeAttentionReference, ropeAppendReference } from './decode.reference';
import { qkvWidth } from './rope';
import { describeCases } from './testing';

describeCases('decode', decodeCases);

test('decoding token by token attends as the packed forward does', () => {
  const heads = { NH: 4, NKV: 2, HS: 8 };
  const width = qkvWidth(heads);
  const T = 5;
  const qkv = testNumbers(T * width, 1);
  const packed = attentionForwardReference(qkv, [0, T], heads);
  const empty = new Float64Array(2 * T * 16);
  // Cosines of 1 and sines of 0: nothing turns.
  const still = Array.from({ length: T * 8 }, (_, i) => (i % 8 < 4 ? 1 : 0));
  let cache: Pick<ReturnType<typeof ropeAppendReference>, 'k_cache' | 'v_cache'> = {
    k_cache: empty,
    v_cache: empty,
  };
  for (let t = 0; t < T; t++) {
    const row = qkv.slice(t * width, (t + 1) * width);
    const rows = { qkv: [...row, ...row], slots: [NO_SLOT, 1], positions: [t, t] };
    const turned = ropeAppendReference(rows, still, cache.k_cache, cache.v_cache, heads, T);
    cache = turned;
    const out = decodeAttentionReference(
      { ...rows, qkv: turned.qkv },
      cache.k_cache,
      cache.v_cache,
      heads,
      T,
    );
    expectClose('out', out.slice(32), packed.out.slice(t * 32, (t + 1) * 32), { atol: 1e-14, rtol: 1e-14 });
    expectClose('skipped', out.slice(0, 32), new Float64Array(32), { atol: 1e-30, rtol: 0 });
  }
});
