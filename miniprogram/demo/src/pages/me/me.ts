// 我的：登录、头像、昵称、手机号。
import { theShop } from '../../lib/shop';
import { simulatedPhone } from '../../lib/simulated';

Page({
  data: { user: false, name: '', avatar: '', phone: '', simulated: false },

  onShow() {
    this.run(async () => undefined);
  },

  /** run 做一件事，然后把现在的样子显示出来；出错时告诉用户。 */
  async run(work: () => Promise<unknown>) {
    try {
      await work();
      await this.show();
    } catch (err) {
      theShop().tell(err);
    }
  },

  async show() {
    const client = await theShop().client();
    const user = client.user;
    this.setData({
      user: !!user, simulated: theShop().simulated, name: user ? user.name : '', phone: (user && user.phone) || '',
      avatar: user && user.avatar ? client.fileURL(user, user.avatar, 'thumb=100x100') : '',
    });
  },

  login() {
    return this.run(async () => (await theShop().client()).login());
  },

  logout() {
    return this.run(async () => (await theShop().client()).logout());
  },

  logoutEverywhere() {
    return this.run(async () => (await theShop().client()).logout({ everywhere: true }));
  },

  /** 微信的“头像昵称填写能力”：chooseAvatar 给出手机上的临时文件。 */
  avatar(e: WechatMiniprogram.CustomEvent<{ avatarUrl: string }>) {
    return this.run(async () => (await theShop().client()).profile({ avatarPath: e.detail.avatarUrl }));
  },

  name(e: WechatMiniprogram.InputBlur) {
    const name = e.detail.value.trim();
    if (!name || name === this.data.name) return undefined;
    return this.run(async () => (await theShop().client()).profile({ name }));
  },

  phone(e: WechatMiniprogram.ButtonGetPhoneNumber) {
    return this.run(async () => (await theShop().client()).phone(e.detail));
  },

  simulatedPhone() {
    return this.run(async () => (await theShop().client()).phone(await simulatedPhone(theShop().server)));
  },

  toNotices() {
    wx.navigateTo({ url: '/pages/notices/notices' });
  },

  toSettings() {
    wx.navigateTo({ url: '/pages/settings/settings' });
  },
});
