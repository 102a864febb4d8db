// Moments come in UTC and are shown in Beijing time, where shop, WeChat and bills are.
const zone = 'Asia/Shanghai';

const moment = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
const exact = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
const date = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' });

const shown = (format: Intl.DateTimeFormat, at: string): string => {
  const time = Date.parse(at.replace(' ', 'T'));
  return Number.isNaN(time) ? '–' : format.format(time);
};

/** timeOf shows "2026-01-31 08:05". */
export const timeOf = (at: string) => shown(moment, at);

/** exactTimeOf shows seconds too. */
export const exactTimeOf = (at: string) => shown(exact, at);

/** dayOf shows "2026-01-31". */
export const dayOf = (at: string | number | Date) => date.format(new Date(at));

/** shiftDay counts days from "2026-01-31". */
export function shiftDay(day: string, by: number): string {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + by);
  return at.toISOString().slice(0, 10);
}

/** monthDays lists the days of "2026-01". */
export function monthDays(month: string): string[] {
  const days: string[] = [];
  for (let day = `${month}-01`; day.startsWith(month); day = shiftDay(day, 1)) days.push(day);
  return days;
}
