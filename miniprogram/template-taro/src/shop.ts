// 整个小程序共用一个 client：第一次用到时连接服务器，连不上时下一次再试。
import { createClient, type Client, type Order } from './wxbase/index';
import { simulated } from './wxbase/simulated';

// 上线前换成自己的 https 域名，并在小程序后台加进“服务器域名”
const SERVER = 'http://127.0.0.1:8090';

let connected: Promise<Client> | null = null;

export function connect(): Promise<Client> {
  if (!connected) {
    connected = open();
    connected.catch(() => (connected = null));
  }
  return connected;
}

async function open(): Promise<Client> {
  const client = createClient({ baseURL: SERVER });
  const health = await client.request<{ simulated: boolean }>('/api/wx/health', { auth: false });
  if (!health.simulated) return client;
  client.close(); // 服务器带 --sim：登录和付款由模拟微信代替手机回答
  return createClient({ baseURL: SERVER, wx: await simulated(wx, SERVER) });
}

/** yuan 把分写成元：1850 → "18.50" */
export function yuan(fen: number): string {
  return (fen / 100).toFixed(2);
}

/** 错误都带有给用户看的中文说明 */
export function tell(err: unknown): void {
  wx.showToast({ title: err instanceof Error ? err.message : String(err), icon: 'none', duration: 3000 });
}

export const STATES: Record<Order['payState'], string> = { UNPAID: '待付款', PAID: '已付款', PART_REFUNDED: '部分退款', REFUNDED: '已退款', CANCELLED: '已取消' };
