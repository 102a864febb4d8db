// 分享：为一道菜生成小程序码，并把它画成一张海报。
import type { CodeAnswer, Product } from '../../wxbase/index';
import { theShop, yuan } from '../../lib/shop';

const WIDTH = 300;
const HEIGHT = 420;

Page({
  data: { name: '', yuan: '', code: '', reused: false, poster: '' },

  async onLoad(query) {
    try {
      const client = await theShop().client();
      const dish = await client.collection<Product>('products').view(query.dish || '');
      // 同样的内容再要一次，得到同一张图
      const code = await client.code({ kind: 'unlimited', page: 'pages/home/home', payload: { dish: dish.id }, checkPath: false });
      this.setData({ name: dish.name, yuan: yuan(dish.price), code: code.url, reused: code.reused });
      await this.draw(dish, code);
    } catch (err) {
      theShop().tell(err);
    }
  },

  async draw(dish: Product, code: CodeAnswer) {
    const canvas = await this.canvas();
    const pen: CanvasRenderingContext2DLike = canvas.getContext('2d');
    const scale = wx.getWindowInfo().pixelRatio;
    [canvas.width, canvas.height] = [WIDTH * scale, HEIGHT * scale];
    pen.scale(scale, scale);
    pen.fillStyle = '#ffffff';
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    pen.drawImage(await loadImage(canvas, code.url), 50, 40, 200, 200);
    pen.fillStyle = '#191919';
    pen.font = '20px sans-serif';
    pen.fillText(dish.name, 50, 290, 200);
    pen.fillStyle = '#fa5151';
    pen.fillText(`¥${yuan(dish.price)}`, 50, 325, 200);
    pen.fillStyle = '#8c8c8c';
    pen.font = '14px sans-serif';
    pen.fillText('长按识别小程序码', 50, 370, 200);
    const file = await wx.canvasToTempFilePath({ canvas });
    this.setData({ poster: file.tempFilePath });
  },

  canvas(): Promise<WechatMiniprogram.Canvas> {
    return new Promise((resolve, reject) => {
      wx.createSelectorQuery().select('#poster').fields({ node: true, size: true }).exec((found) => {
        if (found[0] && found[0].node) resolve(found[0].node);
        else reject(new Error('画布还没有准备好'));
      });
    });
  },

  async save() {
    try {
      await wx.saveImageToPhotosAlbum({ filePath: this.data.poster });
      wx.showToast({ title: '已保存到相册' });
    } catch (err) {
      theShop().tell(new Error('没有保存：请在设置里允许访问相册'));
    }
  },

  onShareAppMessage() {
    return { title: this.data.name, path: '/pages/home/home' };
  },
});

interface CanvasRenderingContext2DLike {
  fillStyle: string;
  font: string;
  scale(x: number, y: number): void;
  fillRect(x: number, y: number, w: number, h: number): void;
  drawImage(image: WechatMiniprogram.Image, x: number, y: number, w: number, h: number): void;
  fillText(text: string, x: number, y: number, most: number): void;
}

function loadImage(canvas: WechatMiniprogram.Canvas, src: string): Promise<WechatMiniprogram.Image> {
  return new Promise((resolve, reject) => {
    const image = canvas.createImage();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error('小程序码没有加载出来'));
    image.src = src;
  });
}
