// a person's own data: a copy to take away, and the end of the account.
import { h } from './dom.js';
import { t } from './i18n.js';
import { busy, halfScreen, toast } from './weui.js';

/** takeAway downloads everything that the shop holds about the person. On a real phone: wx.downloadFile, then wx.shareFileMessage. */
export async function takeAway(app) {
  const answer = await fetch('/api/wx/me/export', { headers: { Authorization: app.client.token } });
  if (!answer.ok) throw new Error((await answer.json()).message);
  const address = URL.createObjectURL(await answer.blob());
  h('a', { href: address, download: 'my-data.zip' }).click();
  URL.revokeObjectURL(address);
  app.feed.log('takeAway', {}, 'GET /api/wx/me/export');
}

/** leave asks once more, and ends the account. NB! a login within the time of grace takes the wish back, so nobody is logged in silently. */
export function leave(app) {
  halfScreen({ title: t('leave'), testid: 'leave-sheet' }, (close) => {
    const go = busy(h('button', { class: 'btn primary wide', 'data-testid': 'leave-go' }, t('leaveGo')), async () => {
      const { dueAt } = await app.client.request('/api/wx/me', { method: 'DELETE', auth: true });
      close();
      app.client.logout();
      app.feed.log('leave', { at: dueAt.slice(0, 10) }, 'DELETE /api/wx/me');
      toast(t('leaveDone'));
    }, (err) => app.fail(err));
    return [h('div', { class: 'half-bd' }, h('p', { class: 'desc' }, t('leaveText'))), h('div', { class: 'half-ft' }, go)];
  });
}
