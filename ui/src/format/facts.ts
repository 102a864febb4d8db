// What does not fit between our books and WeChat's, in words: "total: 4501 ≠ 4500" is "amount ¥45.01 ≠ ¥45.00".
import { wordFor } from '@/i18n';
import { money } from './money';

const shapes = [/^(\w+): (.*) ≠ (.*)$/, /^(\w+) is "(.*)", want "(.*)"$/];
const isMoney = (field: string, value: string) => /^(total|refund)$/.test(field) && /^\d+$/.test(value);

// a decision and its reason: "notOurs: the old server"
const decisionWords = (part: string) => part.replace(/^(accept|giveBack|close|notOurs)(?=: )/, (decision) => wordFor('decided', decision));

/** factWords puts the parts that it knows into words and leaves the rest as it is. */
export function factWords(details: string): string {
  return details
    .split('; ')
    .map((part) => {
      const [, field, got, want] = shapes.map((shape) => shape.exec(part)).find(Boolean) ?? [];
      if (!field) return decisionWords(part);
      const shown = (value: string) => (isMoney(field, value) ? money(Number(value)) : value || '–');
      return `${wordFor('mismatch', field)} ${shown(got)} ≠ ${shown(want)}`;
    })
    .join('; ');
}
