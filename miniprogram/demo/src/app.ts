// 小程序的入口：连接服务器，处理扫码进入，恢复登录。
import { Shop } from './lib/shop';

App<{ shop: Shop }>({
  shop: new Shop(),

  onLaunch(options) {
    this.shop.open(options).catch((err) => this.shop.tell(err));
  },
});
