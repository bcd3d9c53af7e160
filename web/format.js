// Numbers, sizes, times and dates in the words of the reader's language.
import { locale, t } from './i18n.js';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** "2.39 GB": powers of 1000, as disks are sold and as the command says it. */
export function bytes(n) {
  if (n == null) return '–';
  let unit = 0;
  while (n >= 999.5 && unit < UNITS.length - 1) {
    n /= 1000;
    unit++;
  }
  const digits = unit === 0 || n >= 100 ? 0 : n >= 10 ? 1 : 2;
  return `${number(n, digits)}\u00a0${UNITS[unit]}`;
}

export function number(n, digits = 0) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(n);
}

/** "3.8 B" of parameters, "120 k" of downloads. */
export function short(n) {
  return new Intl.NumberFormat(locale(), { notation: 'compact', maximumFractionDigits: 1 }).format(n);
}

export function percent(n) {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: n < 10 ? 1 : 0 }).format(n / 100);
}

export function date(unix) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(unix * 1000);
}

/** How long, for a person who waits: the two largest units. */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t('seconds', { n: s });
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return s % 60 ? t('minutes', { n: minutes, s: s % 60 }) : t('whole_minutes', { n: minutes });
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? t('hours', { n: hours, m: minutes % 60 }) : t('days', { n: Math.round(hours / 24) });
}
