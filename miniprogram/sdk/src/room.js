/** One room: what is said in it, who is there, and saying something. */
const MEMBERS_MS = 15000;

/** Room listens from the moment it is made until close. Make it with client.room(name, options). */
export class Room {
  constructor(client, name, options) {
    const o = options || {};
    this.client = client;
    this.name = name;
    this.path = '/api/wx/rooms/' + encodeURIComponent(name);
    this.onMembers = o.onMembers;
    this.timer = null;
    this.closed = false;
    const link = client.linkFor(o.transport);
    this.link = link;
    this.off = link.add({
      topic: 'rooms/' + name,
      after: o.after,
      handler: o.onMessage,
      onReady: () => this.ready(o.onReady),
      onReconnect: () => this.ready(o.onReconnect),
      onError: o.onError,
    });
  }

  ready(then) {
    if (this.onMembers) this.look();
    if (then) then();
  }

  /** look asks who is there, at once and every 15 s; while the mini program is hidden it does not. */
  async look() {
    clearTimeout(this.timer);
    if (!this.link.hidden) {
      const answer = await this.members().catch((err) => this.client.emit('error', err));
      if (this.closed) return;
      if (answer) this.client.guard(() => this.onMembers(answer));
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), MEMBERS_MS);
  }

  members() {
    return this.client.request(this.path + '/members');
  }

  /** history gives what was said after a number, oldest first, one page at a time. */
  history(after, limit) {
    return this.client.request(this.path + '/messages?after=' + (after || 0) + '&limit=' + (limit || 100));
  }

  publish(event, payload) {
    return this.client.request(this.path + '/messages', { method: 'POST', data: { event, payload } });
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.off();
  }
}
