// 服务器用 `wxbase serve --sim` 启动时，微信是模拟的：没有 AppID 也没有商户号，真手机上的 wx.login 和 wx.requestPayment 帮不上忙。
// 这里把这几个调用换成模拟微信的控制接口，其余的 wx 原样使用。上线时服务器不带 --sim，这个文件不会起作用。

type Phone = typeof wx;
type Callbacks = { success?: (res: any) => void; fail?: (err: { errMsg: string; errCode?: number }) => void };

const PERSON_KEY = 'demo.person';

interface Person {
  id: string;
  nickname: string;
}

function call<T>(baseURL: string, path: string, data?: object): Promise<T> {
  return new Promise((resolve, reject) => {
    wx.request({
      url: baseURL + path,
      method: data ? 'POST' : 'GET',
      data,
      success: (res) => (res.statusCode < 300 ? resolve(res.data as T) : reject(new Error(`模拟微信拒绝了 ${path}`))),
      fail: (err) => reject(new Error(err.errMsg)),
    });
  });
}

/** answer 用一个 promise 回答 wx 风格的回调。 */
function answer(options: Callbacks | undefined, work: Promise<object>): void {
  work.then(
    (res) => options && options.success && options.success(res),
    (err: Error & { errCode?: number }) => options && options.fail && options.fail({ errMsg: err.message, errCode: err.errCode }),
  );
}

export async function people(baseURL: string): Promise<Person[]> {
  const listed = await call<Person[] | { people: Person[] }>(baseURL, '/_sim/people');
  return Array.isArray(listed) ? listed : listed.people;
}

/** 谁拿着这部手机：设置页可以换人。 */
export function holdPhone(person: Person): void {
  wx.setStorageSync(PERSON_KEY, person.id);
}

export function holder(all: Person[]): Person {
  const kept = wx.getStorageSync(PERSON_KEY);
  return all.find((p) => p.id === kept) || all[0];
}

/** simulated 给出一个由模拟微信回答的 wx。 */
export async function simulated(phone: Phone, baseURL: string): Promise<Phone> {
  const mine = `/_sim/people/${holder(await people(baseURL)).id}`;
  const pay = async (params: WechatMiniprogram.RequestPaymentOption) => {
    const { timeStamp, nonceStr, package: pack, signType, paySign } = params;
    const res = await call<{ errMsg: string }>(baseURL, `${mine}/pay`, { timeStamp, nonceStr, package: pack, signType, paySign });
    if (!/:ok$/.test(res.errMsg)) throw new Error(res.errMsg);
    return res;
  };
  const payVirtually = async (params: WechatMiniprogram.RequestVirtualPaymentOption) => {
    const { signData, mode, paySig, signature } = params;
    const res = await call<{ errMsg: string; errCode?: number }>(baseURL, `${mine}/virtual`, { signData, mode, paySig, signature });
    if (!/:ok$/.test(res.errMsg)) throw Object.assign(new Error(res.errMsg), { errCode: res.errCode });
    return res;
  };
  return {
    ...phone,
    login: (o?: Callbacks) => answer(o, call(baseURL, `${mine}/login`, {})),
    getUserInfo: (o?: Callbacks) => answer(o, call(baseURL, `${mine}/userinfo`, {})),
    requestPayment: (o: WechatMiniprogram.RequestPaymentOption) => answer(o, confirmed(phone).then(() => pay(o))),
    requestVirtualPayment: (o: WechatMiniprogram.RequestVirtualPaymentOption) => answer(o as Callbacks, confirmed(phone).then(() => payVirtually(o))),
    requestSubscribeMessage: (o: WechatMiniprogram.RequestSubscribeMessageOption) =>
      answer(o as Callbacks, call(baseURL, `${mine}/subscribe`, { templateIds: o.tmplIds, answer: 'accept' })),
  } as unknown as Phone;
}

/** confirmed 代替收银台：点“确定”才付款。 */
function confirmed(phone: Phone): Promise<void> {
  return new Promise((resolve, reject) => {
    phone.showModal({
      title: '模拟收银台',
      content: '这是模拟支付，不会扣钱。',
      confirmText: '支付',
      success: (res) => (res.confirm ? resolve() : reject(new Error('requestPayment:fail cancel'))),
    });
  });
}

/** simulatedPhone 是模拟微信里这个人的手机号授权结果，和 bindgetphonenumber 的 e.detail 一样。 */
export async function simulatedPhone(baseURL: string): Promise<{ code: string }> {
  return call(baseURL, `/_sim/people/${holder(await people(baseURL)).id}/phone`, {});
}
