/**
 * Where a JSON text breaks. Engines word the position of a syntax error differently, or not at all; a person needs
 * line and column, and in an array the row.
 */
export interface JsonBreak {
  /** From 1; the column counts characters. */
  line: number;
  column: number;
  /** The element of the outermost array in which it breaks, from 1; 0 when the text is no array. */
  row: number;
  /** What is wrong there, to follow a colon: 'expected "," or "}", found "x"'. */
  what: string;
}

// Any character but quote, backslash and control characters, or an escape.
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const CONTROL = /[^ -\u{10ffff}]/u;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

/** Finds the first syntax error of a JSON text (RFC 8259); null when there is none. */
export function locateJsonError(text: string): JsonBreak | null {
  const scan = new Scan(text);
  return scan.run();
}

type Expect = 'value' | 'value or ]' | 'name' | 'name or }' | 'colon' | 'next' | 'end';

class Scan {
  private at = 0;
  private row = 0;
  private readonly open: ('[' | '{')[] = [];

  constructor(private readonly text: string) {}

  run(): JsonBreak | null {
    let expect: Expect | null = 'value';
    while (expect !== null) {
      this.skip(SPACE);
      if (expect === 'end') return this.at < this.text.length ? this.broken('nothing more') : null;
      const next: Expect | JsonBreak = this.step(expect);
      if (typeof next !== 'string') return next;
      expect = next;
    }
    return null;
  }

  /** Reads one token; what may follow it, or where it breaks. */
  private step(expect: Exclude<Expect, 'end'>): Expect | JsonBreak {
    const sign = this.text[this.at];
    switch (expect) {
      case 'value':
      case 'value or ]':
        if (expect === 'value or ]' && sign === ']') return this.close();
        this.countRow();
        if (sign === '{' || sign === '[') {
          this.open.push(sign);
          this.at += 1;
          return sign === '{' ? 'name or }' : 'value or ]';
        }
        return this.skip(sign === '"' ? STRING : SCALAR) ? this.after() : this.broken('a value');
      case 'name':
      case 'name or }':
        if (expect === 'name or }' && sign === '}') return this.close();
        return sign === '"' && this.skip(STRING) ? 'colon' : this.broken('a field name in double quotes');
      case 'colon':
        if (sign !== ':') return this.broken('":"');
        this.at += 1;
        return 'value';
      case 'next': {
        const inArray = this.open.at(-1) === '[';
        if (sign === (inArray ? ']' : '}')) return this.close();
        if (sign !== ',') return this.broken(inArray ? '"," or "]"' : '"," or "}"');
        this.at += 1;
        return inArray ? 'value' : 'name';
      }
    }
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private close(): Expect {
    this.open.pop();
    this.at += 1;
    return this.after();
  }

  private after(): Expect {
    return this.open.length === 0 ? 'end' : 'next';
  }

  private countRow(): void {
    if (this.open.length === 1 && this.open[0] === '[') this.row += 1;
  }

  private broken(expected: string): JsonBreak {
    const before = this.text.slice(0, this.at);
    const line = before.split('\n').length;
    const column = this.at - before.lastIndexOf('\n');
    const found = this.text[this.at];
    let what = `expected ${expected}, found ${found === undefined ? 'the end' : JSON.stringify(found)}`;
    if (found === '"' && expected !== 'nothing more' && !/^"[,:\]}]/.test(expected))
      what = unclosed(this.text, this.at);
    return { line, column, row: this.row, what };
  }
}

/** Why the string that starts at `at` is none. */
function unclosed(text: string, at: number): string {
  const rest = text.slice(at + 1);
  const stop = /(?<!\\)(?:\\\\)*"/.exec(rest);
  const control = rest.search(CONTROL);
  if (control >= 0 && (stop === null || control < stop.index)) {
    return rest[control] === '\n' || rest[control] === '\r'
      ? 'a text in quotes that is not closed on its line (write a line break as \\n)'
      : 'a text in quotes with a control character in it (write a tab as \\t)';
  }
  return stop === null
    ? 'a text in quotes that is never closed'
    : 'a text in quotes with a backslash that means nothing in JSON (write a backslash as \\\\)';
}
