/** Numbers and durations as people read them. Pure; locale-neutral so that screenshots and tests agree. */

const MINUS = '\u2212';
const NONE = '\u2013';

/** Three significant digits; very large and very small as 1.2e-7. Non-finite values are named, not hidden. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '\u221e' : `${MINUS}\u221e`;
  if (value === 0) return '0';
  const size = Math.abs(value);
  const text =
    size >= 1e6 || size < 1e-3
      ? size.toExponential(1)
      : Number.isInteger(size)
        ? String(size)
        : size >= 100
          ? size.toFixed(0)
          : size.toPrecision(3);
  return value < 0 ? MINUS + text : text;
}

/** 0.4217 as "42.2 %". */
export function formatPercent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return NONE;
  return `${(share * 100).toFixed(1)} %`;
}

/** Of a whole, without decimals: 0.4217 as "42 %", what is there but would be 0 as "< 1 %". */
export function formatShare(share: number): string {
  return share > 0 && share < 0.005 ? '< 1 %' : `${(share * 100).toFixed(0)} %`;
}

/** Whole numbers with thin spaces: 12 345 678. */
export function formatCount(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** 1,234,567 as "1.2 M". */
export function formatShort(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)} B`;
  if (size >= 1e6) return `${trim(value / 1e6)} M`;
  if (size >= 1e4) return `${trim(value / 1e3)} k`;
  return formatNumber(value);
}

function trim(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 1).replace(/\.0$/, '');
}

/** A tick of an axis: short, without trailing zeros. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e4) return formatShort(value);
  if (size !== 0 && size < 1e-3) return value.toExponential(0).replace('-', MINUS);
  return String(Number(value.toPrecision(4))).replace('-', MINUS);
}

/** Bytes in binary units: "192 MiB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${trim(bytes / 2 ** (10 * power))} ${units[power] ?? 'B'}`;
}

/** "42 s", "3 min 05 s", "2 h 07 min". */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return seconds < 10 && seconds > 0 ? `${seconds.toFixed(1)} s` : `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** A setting's value as it is written in a form. */
export function formatSetting(value: number | boolean | string | undefined): string {
  if (value === undefined) return NONE;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-3) return value.toExponential();
  return String(value);
}

/** "1 row", "3 rows". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
