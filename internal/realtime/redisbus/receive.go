package redisbus

// receive handles a message on a channel of a session. It must not block, because the whole bus would wait.
func (b *Bus) receive(s *session, channel, payload string) {
	e, err := decode([]byte(payload))
	if err != nil {
		b.counters.unreadable.Add(1)
		return
	}
	switch e.kind {
	case message:
		if e.node != b.node {
			b.counters.received.Add(1)
			b.deliver(channel, e.data)
		}
	case question:
		b.question(s, channel, e)
	case busy, answer, nothing:
		b.answered(e)
	}
}

func (b *Bus) deliver(channel string, data []byte) {
	b.mu.RLock()
	t := b.topics[channel]
	b.mu.RUnlock()
	if t == nil { // its unsubscription is on the way to Redis
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	full := len(t.waiting) >= maxWaiting || t.bytes > 0 && t.bytes+len(data) > maxWaitingBytes
	if full || b.backlog.Load() > maxBacklogBytes {
		b.overflow(channel, t)
		return
	}
	t.waiting = append(t.waiting, data)
	t.bytes += len(data)
	b.backlog.Add(int64(len(data)))
	if !t.running {
		t.running = true
		go t.run(b)
	}
}

// overflow drops a message for which a slow handler has no room. The caller holds t.mu.
func (b *Bus) overflow(channel string, t *topic) {
	b.counters.overflowed.Add(1)
	if !t.missed {
		t.missed = true
		b.log.Warn("messages from the bus come faster than they are handled; some are lost", "channel", channel)
	}
}

// run calls the handlers until the queue is empty. An idle subject needs no goroutine.
func (t *topic) run(b *Bus) {
	for {
		t.mu.Lock()
		if len(t.waiting) == 0 {
			t.running, t.waiting = false, nil
			missed := t.missed
			t.missed = false
			t.mu.Unlock()
			if missed {
				b.announce()
			}
			return
		}
		data, handlers := t.waiting[0], t.handlers
		t.waiting[0] = nil
		t.waiting, t.bytes = t.waiting[1:], t.bytes-len(data)
		t.mu.Unlock()
		b.backlog.Add(int64(-len(data)))
		for _, h := range handlers {
			h.call(data)
		}
	}
}
