// the customer service chat, which is WeChat's own window and no page of the mini program: <button open-type="contact"> opens it.
import { h, replace } from './dom.js';
import { t } from './i18n.js';
import { imageBase64, simCall } from './people.js';
import { busy, halfScreen } from './weui.js';

const LOOK_MS = 1500;

/** chatOf opens the chat of the person who holds the phone; from is the session-from of the button. */
export async function chatOf(app, from) {
  const path = `/_sim/people/${encodeURIComponent(app.person.id)}/chat`;
  const list = h('div', { class: 'chat-lines', role: 'log', 'data-testid': 'chat-lines' });
  let shown = '';
  const look = async () => {
    const chat = await simCall(path);
    const text = JSON.stringify(chat);
    if (text === shown) return;
    shown = text;
    replace(list, chat.lines.map((line) => bubble(line)), chat.typing ? h('div', { class: 'chat-note', 'data-testid': 'chat-typing' }, t('chatTyping')) : null);
    list.scrollTop = list.scrollHeight;
  };
  const say = async (words) => {
    await simCall(path, words);
    await look();
  };
  await simCall(path, { enter: from });
  const timer = setInterval(() => look().catch(() => {}), LOOK_MS);
  halfScreen({ title: t('chatTitle'), testid: 'chat', onClose: () => clearInterval(timer) }, () => {
    const words = h('textarea', { class: 'field', rows: 1, maxlength: 600, placeholder: t('chatHint'), 'aria-label': t('chatHint'), 'data-testid': 'chat-words' });
    const send = busy(h('button', { class: 'btn primary mini', 'data-testid': 'chat-send' }, t('chatSend')), async () => {
      if (!words.value.trim()) return;
      await say({ text: words.value.trim() });
      words.value = '';
    }, (err) => app.fail(err));
    const file = h('input', { type: 'file', accept: 'image/png,image/jpeg', hidden: true, 'data-testid': 'chat-picture' });
    file.addEventListener('change', () => sendPicture(file, say).catch((err) => app.fail(err)));
    const add = h('button', { class: 'btn mini', onclick: () => file.click() }, t('chatPicture'));
    return [h('div', { class: 'half-bd' }, list), h('div', { class: 'chat-foot' }, words, add, send, file)];
  });
  await look();
}

async function sendPicture(file, say) {
  const [chosen] = file.files;
  file.value = '';
  if (!chosen) return;
  const url = URL.createObjectURL(chosen);
  try {
    await say({ picture: await imageBase64(url) });
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** bubble is one line of the chat; what the shop says is on the left, as on a phone. */
function bubble(line) {
  const { content } = line;
  if (line.msgType === 'user_enter_tempsession') return h('div', { class: 'chat-note' }, t('chatOpened'));
  const side = 'chat-line' + (line.fromUs ? '' : ' mine');
  const picture = content.MediaId || content.media_id;
  if (picture) return h('div', { class: side, 'data-testid': 'chat-photo' }, h('img', { src: '/_sim/pictures/' + encodeURIComponent(picture), alt: t('chatPicture') }));
  return h('div', { class: side, 'data-testid': line.fromUs ? 'chat-answer' : 'chat-mine' }, h('span', null, content.Content || content.content || content.Title || content.title));
}
