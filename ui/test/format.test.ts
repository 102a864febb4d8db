import { expect, test } from 'vitest';
import { factWords } from '../src/format/facts';
import { fenOf, money, percentChange, plainYuan, yuan } from '../src/format/money';
import { dayOf, monthDays, shiftDay, timeOf } from '../src/format/time';
import { filled, guess } from '../src/parts/messages';

test('fen become yuan', () => {
  const scenarios: [number, string][] = [[0, '0.00'], [1, '0.01'], [99, '0.99'], [100, '1.00'], [1800, '18.00'], [123456789, '1,234,567.89'], [-5, '-0.05'], [Number.MAX_SAFE_INTEGER, '90,071,992,547,409.91'], [1.5, '–']];
  for (const [fen, want] of scenarios) expect(yuan(fen), String(fen)).toBe(want);
  expect(money(-1800)).toBe('-¥18.00');
  expect(plainYuan(123456)).toBe('1234.56');
});

test('what a person types becomes fen', () => {
  const scenarios: [string, number | null][] = [['12', 1200], ['12.', 1200], ['12.5', 1250], ['0.1', 10], ['1.005', null], ['19.99', 1999], ['1,234.56', 123456], ['¥8', 800], [' 3.30 ', 330], ['', null], ['-1', null], ['1e3', null], ['abc', null], ['.5', null], ['1.2.3', null]];
  for (const [text, want] of scenarios) expect(fenOf(text), text).toBe(want);
});

test('every amount to 200 yuan survives being shown and read', () => {
  for (let fen = 0; fen <= 20_000; fen++) if (fenOf(plainYuan(fen)) !== fen) throw new Error(`got ${fenOf(plainYuan(fen))}, want ${fen}`);
});

test('a change is a whole percentage, and none against nothing', () => {
  expect(percentChange(112, 100)).toBe(12);
  expect(percentChange(0, 50)).toBe(-100);
  expect(percentChange(5, 0)).toBeNull();
});

test('moments are shown in Beijing', () => {
  expect(timeOf('2026-01-31T18:05:00Z')).toBe('2026-02-01 02:05');
  expect(timeOf('2026-01-31 18:05:00.000Z')).toBe('2026-02-01 02:05');
  expect(timeOf('')).toBe('–');
  expect(dayOf('2026-01-31T16:00:00Z')).toBe('2026-02-01');
  expect(shiftDay('2026-03-01', -1)).toBe('2026-02-28');
  expect(monthDays('2028-02')).toHaveLength(29);
});

test('a message is filled with examples', () => {
  expect(filled('共{total}元 {what}')).toBe('共36.00元 {what}');
  expect(guess('amount3')).toBe('{total}元');
  expect(guess('phrase5')).toBe('');
});

test('what does not fit is in yuan, and the rest as it was', () => {
  const scenarios: [string, string][] = [
    ['total: 4501 ≠ 4500', 'total ¥45.01 ≠ ¥45.00'],
    ['total is "4501", want "4500"; appid: wx1 ≠ wx2', 'total ¥45.01 ≠ ¥45.00; appid wx1 ≠ wx2'],
    ['currency:  ≠ CNY', 'currency – ≠ CNY'],
    ['giveBack: wrong amount (a@example.com)', 'giveBack: wrong amount (a@example.com)'],
    ['', ''],
  ];
  for (const [details, want] of scenarios) expect(factWords(details), details).toBe(want);
});
