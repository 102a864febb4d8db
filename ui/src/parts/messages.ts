// Subscribe messages as the phone shows them: what stands in the places of {number}, {total} and so on.
export type Template = { id: string; title: string; content: string; example: string; oneOff: boolean; keywords: { key: string; type: string; name: string; enum?: string[] }[] };

/** places are what the server fills in, each with an example. */
export const places: Record<string, string> = {
  '{number}': '2026112800017',
  '{total}': '36.00',
  '{items}': '兰州牛肉面×2',
  '{time}': '2026-11-28 12:30',
  '{note}': '少辣',
  '{refund}': '18.00',
  '{id}': 'k3v9x2m8q1w7z5a',
};

/** filled puts examples into a text. */
export const filled = (text: string) => text.replace(/\{\w+\}/g, (place) => places[place] ?? place);

const guesses: [RegExp, string][] = [
  [/^(character_string|number)/, '{number}'],
  [/^amount/, '{total}元'],
  [/^(time|date)/, '{time}'],
  [/^thing/, '{items}'],
];

/** guess is what most shops want in a field of this kind. */
export const guess = (key: string) => guesses.find(([kind]) => kind.test(key))?.[1] ?? '';
