import type { Figure, Roofline } from './figure';

/** Three significant digits or the whole number, with thousands set apart. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  const digits = magnitude === 0 || magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 4;
  const text = value.toFixed(Number.isInteger(value) ? 0 : digits);
  const [whole = '', rest] = text.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

export const formatFraction = (fraction: number | undefined): string =>
  fraction === undefined ? '' : `${(100 * fraction).toFixed(1)} %`;

/** One line of the table on standard output: name, value, unit, share of the roof. */
export function figureLine({ name, value, unit, fraction_of_roof }: Figure): string {
  const share = fraction_of_roof === undefined ? '' : `${formatFraction(fraction_of_roof)} of roof`;
  return `${name.padEnd(56)} ${formatValue(value).padStart(12)} ${unit.padEnd(12)} ${share.padStart(14)}`.trimEnd();
}

export function rooflineLine({ copy_gb_s, fma_gflop_s }: Roofline): string {
  const say = (value: number | null, unit: string): string =>
    value === null ? 'unknown' : `${formatValue(value)} ${unit}`;
  return `roofline: copy ${say(copy_gb_s, 'GB/s')}, FMA ${say(fma_gflop_s, 'GFLOP/s')}`;
}
