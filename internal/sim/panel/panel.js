// the panel of the simulated WeChat: reads /_sim/ every two seconds.
import { callsQuery, drawCalls } from './calls.js';
import { bindFaults, drawFaults, learn, relabel } from './faults.js';
import { $, act, ask, el, fillSelect, setRefresh } from './kit.js';
import { drawNotifications, learnFaults } from './notes.js';
import { drawChats, drawComplaints, drawMessages, drawOrders, drawPeople, drawRefunds, drawTransfers } from './shop.js';
import { learnWords } from './spoken.js';
import { t, translate, turn } from './words.js';

let config = { apps: [], merchants: [] };

function drawIdentity() {
  const pairs = [['apiBase', config.apiBase], ...config.apps.map((a) => ['appid', a.appid]),
    ...config.merchants.flatMap((m) => [['mchid', m.mchid], ['certSerial', m.certSerial], ['publicKeyId', m.publicKeyId]])];
  $('identity-body').replaceChildren(...pairs.flatMap(([name, value]) => [el('dt', '', name), el('dd', '', value || '–')]));
}

function drawClock(clock) {
  $('now').textContent = new Date(clock.now).toLocaleString('zh-CN', { hour12: false });
  $('offset').textContent = clock.offset === '0s' ? '' : t('moved') + ' ' + clock.offset;
}

let latest = 0; // note: an answer to an older question must not take the place of a newer one's

async function refresh() {
  const mine = ++latest;
  try {
    const [people, orders, refunds, notes, calls, clock, faults, messages, transfers, complaints, trades, chats] = await Promise.all(
      ['/people', '/orders?limit=100', '/refunds?limit=100', '/notifications?limit=100', callsQuery(), '/clock', '/faults', '/messages?limit=50', '/transfers?limit=100', '/complaints?limit=50', '/complaints?limit=50&platform=1', '/chats'].map((path) => ask(path)));
    if (mine !== latest) return;
    drawClock(clock);
    drawCalls(calls);
    drawNotifications(notes);
    drawOrders(orders, config.merchants.length > 1);
    drawRefunds(refunds);
    drawTransfers(transfers);
    drawPeople(people);
    drawMessages(messages);
    drawComplaints(complaints, trades);
    drawChats(chats, people);
    drawFaults(faults);
    fillSelect($('chat').person, people.map((p) => [p.id, p.nickname]));
    fillSelect($('subscribe').person, people.map((p) => [p.id, p.nickname]));
    $('link').textContent = '';
  } catch {
    if (mine === latest) $('link').textContent = t('lost');
  }
}

async function subscribeAs(action, form) {
  const answer = await ask('/people/' + encodeURIComponent(form.person.value) + '/' + action, 'POST', { templateIds: [form.template.value], answer: form.answer.value });
  if (answer.errCode) throw new Error(answer.errMsg);
}

async function showPush() {
  const form = $('push-settings');
  const set = await ask('/apps/' + encodeURIComponent(form.appid.value) + '/push');
  for (const name of ['pushUrl', 'pushMode', 'pushFormat']) form[name].value = set[name];
}

/** bindChat lets a person open the customer service chat, or write in it. */
function bindChat() {
  const form = $('chat');
  const say = (words) => act(() => ask('/people/' + encodeURIComponent(form.person.value) + '/chat', 'POST', words), 'chat-error');
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    say({ text: form.text.value }).then(() => { form.text.value = ''; });
  });
  $('chat-enter').addEventListener('click', () => say({ enter: 'panel' }));
}

function bindMessages() {
  const subscribe = $('subscribe');
  subscribe.addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => subscribeAs('subscribe', subscribe), 'message-error');
  });
  $('unsubscribe').addEventListener('click', () => act(() => subscribeAs('unsubscribe', subscribe), 'message-error'));
  bindChat();
  const settings = $('push-settings');
  settings.appid.addEventListener('change', () => act(showPush, 'push-error'));
  settings.addEventListener('submit', (event) => {
    event.preventDefault();
    const body = { pushUrl: settings.pushUrl.value, pushMode: settings.pushMode.value, pushFormat: settings.pushFormat.value };
    act(() => ask('/apps/' + encodeURIComponent(settings.appid.value) + '/push', 'POST', body), 'push-error');
  });
  $('push-hand').addEventListener('submit', (event) => {
    event.preventDefault();
    const form = event.target;
    act(() => ask('/push', 'POST', { appid: settings.appid.value, event: form.event.value, fields: JSON.parse(form.fields.value || '{}') }), 'push-error');
  });
}

/** words writes what depends on the language. */
function words() {
  translate();
  $('lang').textContent = t('other');
  const form = $('call-filter');
  fillSelect(form.verdict, [['', t('all')], ['refused', t('refused')], ['fault', t('fault')], ['ok', t('ok')]]);
  fillSelect(form.who, [['', t('everybody')], ...config.merchants.map((m) => ['mchid:' + m.mchid, m.mchid]), ...config.apps.map((a) => ['appid:' + a.appid, a.appid])]);
}

function bind() {
  $('lang').addEventListener('click', () => {
    turn();
    words();
    relabel();
    refresh();
  });
  for (const button of document.querySelectorAll('[data-advance]')) {
    button.addEventListener('click', () => act(() => ask('/clock', 'POST', { advance: button.dataset.advance })));
  }
  bindMessages();
  bindFaults();
  $('call-filter').addEventListener('input', refresh);
  $('call-filter').addEventListener('submit', (event) => event.preventDefault());
  $('add-person').addEventListener('submit', (event) => {
    event.preventDefault();
    const form = event.target;
    act(() => ask('/people', 'POST', { nickname: form.nickname.value, phone: form.phone.value })).then(() => form.reset());
  });
}

async function start() {
  setRefresh(refresh);
  bind();
  words();
  setInterval(refresh, 2000);
  const paths = ['/config', '/faults/kinds', '/faults/words', '/plays', '/endpoints', '/forgeries', '/triggers'];
  const [cfg, kinds, spoken, plays, endpoints, forgeries, events] = await Promise.all(paths.map((path) => ask(path)));
  config = cfg;
  learnWords(spoken);
  learnFaults({ kinds, forgeries });
  learn({ kinds, plays, endpoints: Object.fromEntries(endpoints.map((ep) => [ep.name, ep])) });
  words();
  drawIdentity();
  fillSelect($('trigger').event, events.filter((name) => !name.startsWith('play.')).map((name) => [name, name]));
  $('trigger').event.value = 'pay.success';
  fillSelect($('push-settings').appid, cfg.apps.map((app) => [app.appid, app.appid]));
  await refresh();
  await showPush();
  const templates = await ask('/apps/' + encodeURIComponent(cfg.apps[0].appid) + '/templates');
  fillSelect($('subscribe').template, templates.map((one) => [one.priTmplId, one.title]));
}

start();
