// 店铺动态：房间 notice，谁买了什么（名字已隐去一部分）。
import type { Room } from '../../wxbase/index';
import { theShop } from '../../lib/shop';

const KEPT = 50;

interface Bought {
  name?: string;
  items?: string;
  text?: string;
}

Page({
  data: { said: [] as { key: number; text: string }[], ready: false },
  room: null as Room | null,
  count: 0,

  async onLoad() {
    try {
      const client = await theShop().client();
      this.room = client.room<Bought>('notice', {
        onReady: () => this.setData({ ready: true }),
        onMessage: (m) => this.hear(m.payload || {}),
        onError: (err) => theShop().tell(err),
      });
    } catch (err) {
      theShop().tell(err);
    }
  },

  hear(bought: Bought) {
    const text = bought.text || `${bought.name || '有人'} 下单了 ${bought.items || ''}`;
    this.count += 1;
    this.setData({ said: [{ key: this.count, text }, ...this.data.said].slice(0, KEPT) });
  },

  onUnload() {
    if (this.room) this.room.close();
  },
});
