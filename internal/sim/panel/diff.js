// which parts of a text another one has too, character by character.
const LONGEST = 2500;

/** parts cuts text into [shared, part] with regard to other: by the longest common subsequence, or of long texts by their ends. */
export function parts(text, other) {
  let from = 0;
  while (from < text.length && text[from] === other[from]) from += 1;
  let to = 0;
  while (to < text.length - from && to < other.length - from && text[text.length - 1 - to] === other[other.length - 1 - to]) to += 1;
  const [middle, against] = [text.slice(from, text.length - to), other.slice(from, other.length - to)];
  const inner = middle.length > LONGEST || against.length > LONGEST ? [[false, middle]] : common(middle, against);
  return [[true, text.slice(0, from)], ...inner, [true, text.slice(text.length - to)]].filter(([, part]) => part);
}

function common(a, b) {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] = a[i] === b[j] ? table[(i + 1) * width + j + 1] + 1 : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    }
  }
  const list = [];
  const add = (same, ch) => {
    const last = list[list.length - 1];
    if (last && last[0] === same) last[1] += ch;
    else list.push([same, ch]);
  };
  for (let i = 0, j = 0; i < a.length;) {
    if (a[i] === b[j]) {
      add(true, a[i]);
      i += 1;
      j += 1;
    } else if (j < b.length && table[i * width + j + 1] >= table[(i + 1) * width + j]) j += 1;
    else add(false, a[i++]);
  }
  return list;
}
