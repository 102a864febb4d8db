// Amounts are whole fen everywhere; yuan exist only as text. Nothing here divides, so nothing can be rounded.

/** yuan shows fen as "1,234.50". */
export function yuan(fen: number): string {
  if (!Number.isSafeInteger(fen)) return '–';
  const digits = String(Math.abs(fen)).padStart(3, '0');
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ',');
  return `${fen < 0 ? '-' : ''}${whole}.${digits.slice(-2)}`;
}

/** money shows fen as "¥1,234.50". */
export const money = (fen: number): string => (fen < 0 ? `-¥${yuan(-fen)}` : `¥${yuan(fen)}`);

/** plainYuan is what an input shows: "1234.50". */
export const plainYuan = (fen: number): string => yuan(fen).replace(/,/g, '');

/** fenOf reads what a person typed, such as "12", "12.5" or "1,200.00"; null when it is no amount. */
export function fenOf(text: string): number | null {
  const plain = text.trim().replace(/^[¥¥]/, '').replace(/,/g, '').replace('。', '.');
  const parts = /^(\d{1,10})(?:\.(\d{0,2}))?$/.exec(plain);
  if (!parts) return null;
  return Number(parts[1] + (parts[2] ?? '').padEnd(2, '0'));
}

/** percentChange compares two whole numbers: 12 means 12 % more; null when there was nothing before. */
export function percentChange(now: number, before: number): number | null {
  if (before === 0) return null;
  return Math.round(((now - before) * 100) / before);
}
