import { describe, expect, it } from 'vitest';
import { locateJsonError } from './json_error';

describe('locateJsonError', () => {
  it('agrees with JSON.parse on what is JSON', () => {
    const texts = [
      '{}', '[]', '""', '0', '-0.5e+3', 'true', ' [ {"a" : [1, 2, {"b": null}]} ] ', '"\\u00e9 \\n é 😀"', '[[[]]]',
      '', '{', '[1,]', '{"a":}', '{"a":1,}', '{a:1}', '01', '1 2', '[1 2]', 'nul', '"a', '"\t"', '"\\x"', "{'a':1}", '}',
      '[1}', '{"a":1]', '-', '1.', 'NaN', '"\u007f"',
    ]; // prettier-ignore
    for (const text of texts) {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect([text, locateJsonError(text) === null]).toEqual([text, valid]);
    }
  });

  it('says what is wrong, and where', () => {
    expect(locateJsonError('[{"a": 1},\n {"b": tru}]')).toEqual({
      line: 2,
      column: 8,
      row: 2,
      what: 'expected a value, found "t"',
    });
    expect(locateJsonError('{"a": "x}')?.what).toMatch(/never closed/);
    expect(locateJsonError('{"a": "x\ny"}')?.what).toMatch(/not closed on its line/);
    expect(locateJsonError('{"a": "C:\\dir"}')?.what).toMatch(/backslash/);
    expect(locateJsonError('[1] 2')?.what).toBe('expected nothing more, found "2"');
  });

  it('survives a deep nest', () => {
    expect(locateJsonError('['.repeat(200_000))?.what).toMatch(/found the end/);
  });
});
