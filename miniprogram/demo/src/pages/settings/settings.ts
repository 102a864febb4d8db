// 设置：服务器地址；服务器用模拟微信时，还可以选择谁拿着这部手机。
import { theShop } from '../../lib/shop';
import { holdPhone, holder, people } from '../../lib/simulated';

Page({
  data: { server: '', state: '', simulated: false, names: [] as string[], at: 0 },
  all: [] as Awaited<ReturnType<typeof people>>,

  async onLoad() {
    this.setData({ server: theShop().server });
    await this.check();
  },

  write(e: WechatMiniprogram.Input) {
    this.setData({ server: e.detail.value.trim() });
  },

  async save() {
    if (!/^https?:\/\/[^/]+/.test(this.data.server)) {
      theShop().tell(new Error('地址要以 https:// 或 http:// 开头'));
      return;
    }
    theShop().useServer(this.data.server);
    await this.check();
  },

  async check() {
    this.setData({ state: '正在连接', simulated: false });
    try {
      await theShop().client();
      this.setData({ state: theShop().simulated ? '已连接，使用模拟微信' : '已连接', simulated: theShop().simulated });
      if (theShop().simulated) await this.listPeople();
    } catch (err) {
      this.setData({ state: `连接失败：${err instanceof Error ? err.message : err}` });
    }
  },

  async listPeople() {
    this.all = await people(theShop().server);
    const now = holder(this.all);
    this.setData({ names: this.all.map((p) => p.nickname), at: this.all.findIndex((p) => p.id === now.id) });
  },

  /** 换一个人拿手机：退出登录，重新连接。 */
  async pick(e: WechatMiniprogram.PickerChange) {
    const person = this.all[Number(e.detail.value)];
    if (!person) return;
    const client = await theShop().client();
    await client.logout();
    holdPhone(person);
    theShop().useServer(theShop().server);
    await this.check();
  },

  /** 导出：下载自己的全部数据（zip），再转发给自己或文件传输助手。 */
  async takeAway() {
    try {
      const client = await theShop().client();
      const { tempFilePath, statusCode } = await new Promise<WechatMiniprogram.DownloadFileSuccessCallbackResult>((success, fail) => {
        wx.downloadFile({ url: `${theShop().server}/api/wx/me/export`, header: { Authorization: client.token }, success, fail });
      });
      if (statusCode !== 200) throw new Error(statusCode === 429 ? '一天只能导出三次' : `导出失败（${statusCode}）`);
      await wx.shareFileMessage({ filePath: tempFilePath, fileName: 'my-data.zip' });
    } catch (err) {
      theShop().tell(err);
    }
  },

  /** 注销：服务器立即结束所有登录，宽限期内再次登录即撤回，所以之后不能自动登录。 */
  async forget() {
    const asked = await wx.showModal({ title: '注销账号', content: '将删除昵称、头像、手机号、消息、小程序码等；订单与支付依法保留。宽限期内再次登录即撤回。', confirmText: '注销', confirmColor: '#fa5151' });
    if (!asked.confirm) return;
    try {
      const client = await theShop().client();
      const { dueAt } = await client.request<{ dueAt: string }>('/api/wx/me', { method: 'DELETE', auth: true });
      await client.logout();
      await wx.showModal({ title: '已申请注销', content: `将于 ${dueAt.slice(0, 16)}（UTC）执行。`, showCancel: false });
    } catch (err) {
      theShop().tell(err);
    }
  },
});
