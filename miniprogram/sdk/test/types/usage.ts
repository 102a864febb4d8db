// compiled, never run: the types as a mini program uses them, beside WeChat's own.
import { createClient, WxbaseError, type Order, type BaseRecord } from '../../dist/index';

interface Note extends BaseRecord {
  text: string;
}

const client = createClient({ baseURL: 'https://shop.example', lang: 'zh', timeout: 10000 });

App({
  async onLaunch(options: WechatMiniprogram.App.LaunchShowOption) {
    const opened = await client.scene<{ dish: string }>(options);
    if (opened) console.log(opened.payload.dish.length);
  },
});

export async function buy(product: string): Promise<string> {
  try {
    const order: Order = await client.createOrder([{ product, quantity: 1 }], { offline: true });
    const { state } = await client.pay(order.id);
    return state === 'paid' ? 'thanks' : state;
  } catch (err) {
    return err instanceof WxbaseError ? `${err.code} ${err.message} ${err.detail}` : 'unknown';
  }
}

export async function notes(): Promise<string[]> {
  const all = client.collection<Note>('notes');
  const page = await all.list({ filter: 'text ~ {:word}', params: { word: 'a' }, perPage: 10 });
  const made = await all.create({ text: 'b' });
  await all.update(made.id, { text: 'c' });
  const off = all.subscribe('*', ({ action, record }) => console.log(action, record.text));
  off();
  return page.items.map((note) => note.text);
}

export function send(path: string): () => void {
  const upload = client.upload<Note>('/api/collections/notes/records', { filePath: path, onProgress: (percent) => console.log(percent.toFixed(0)) });
  upload.then((note) => console.log(note.text), () => undefined);
  return () => upload.abort();
}

// @ts-expect-error a client names no price
client.createOrder([{ product: 'p', quantity: 1, price: 1 }]);
// @ts-expect-error 'refund' is not a state of a payment on the phone
client.pay('o').then((r) => r.state === 'refund');
// @ts-expect-error TRACE is not for programs
client.request('/x', { method: 'TRACE' });
