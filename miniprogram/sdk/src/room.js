/** One room: what is said in it, who is there, and saying something. */
import { enc, newKey } from './promised.js';

const UNTOLD_MS = 3000;

/** Room listens from the moment it is made until close. Make it with client.room(name, options). */
export class Room {
  constructor(client, name, options) {
    const o = options || {};
    this.client = client;
    this.name = name;
    this.path = '/api/wx/rooms/' + enc(name);
    this.options = o;
    this.tellings = 0;
    this.off = client.linkFor(o.transport).add({
      topic: 'rooms/' + name,
      after: o.after,
      handler: (message) => this.hear(message),
      onReady: () => this.ready(o.onReady),
      onReconnect: () => this.ready(o.onReconnect),
      onError: o.onError,
    });
  }

  /** hear keeps the server's own event `members` apart from what people say: nobody can publish it. */
  hear(message) {
    const { onMembers, onMessage } = this.options;
    if (message.event !== 'members') return onMessage && onMessage(message);
    this.tellings++;
    return onMembers && onMembers(message.payload);
  }

  ready(then) {
    if (then) then();
    if (!this.options.onMembers) return;
    const { tellings } = this;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(tellings), UNTOLD_MS);
  }

  /** look asks once who is there, where the server has not told: then it says what is wrong (a room without presence). */
  async look(tellings) {
    const untold = () => this.timer && tellings === this.tellings;
    if (!untold()) return;
    const answer = await this.members().catch((err) => this.client.emit('error', err));
    if (answer && untold()) this.client.guard(() => this.options.onMembers(answer));
  }

  members() {
    return this.client.request(this.path + '/members');
  }

  /** history gives what was said after a number, oldest first, one page at a time. */
  history(after, limit) {
    return this.client.request(this.path + '/messages?after=' + (after || 0) + '&limit=' + (limit || 100));
  }

  /** publish has a key, so that a message whose answer was lost is sent again and heard once. */
  publish(event, payload) {
    return this.client.request(this.path + '/messages', { method: 'POST', data: { event, payload, key: newKey() }, retry: true });
  }

  close() {
    clearTimeout(this.timer);
    this.timer = null;
    this.off();
  }
}
