package realtime

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// link is this process's access to the bus: its messages and questions to the other processes. Without a bus messages
// are dropped, and every question to the primary fails with ErrPrimaryAway.
type link struct {
	bus   Bus
	epoch string // of this process, on the bus
}

// tell sends a message to the other processes. It never waits.
func (l *link) tell(m Message) {
	if l.bus != nil {
		l.bus.Publish(subjectRoom+m.Room, encode(l.toBus(m)))
	}
}

func (l *link) toBus(m Message) busMessage {
	return busMessage{m.Room, m.Event, m.Payload, m.Sender, m.Seq, m.At.UnixMilli(), l.epoch}
}

// ask sends a question to the primary and reads its answer.
func (l *link) ask(ctx context.Context, subject string, question, answer any) error {
	if l.bus == nil {
		return ErrPrimaryAway
	}
	answers, _, err := l.bus.Request(ctx, subject, encode(question))
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrPrimaryAway, err)
	}
	if len(answers) == 0 {
		return ErrPrimaryAway
	}
	if err := json.Unmarshal(answers[0], answer); err != nil {
		return fmt.Errorf("read the primary's answer: %w", err)
	}
	return nil
}

// askPage asks the primary for a piece of history.
func (l *link) askPage(ctx context.Context, ask pageAsk) (page, error) {
	var a pageAnswer
	if err := l.ask(ctx, subjectHistory, ask, &a); err != nil {
		return page{}, err
	}
	if a.Error != nil {
		return page{}, fromBus(a.Error)
	}
	p := page{More: a.More, Last: a.Last, First: a.First}
	for _, b := range a.Messages {
		p.Messages = append(p.Messages, b.message())
	}
	return p, nil
}

// askPublish hands a message to the primary, which numbers and keeps it. It returns to our members over the bus.
func (l *link) askPublish(ctx context.Context, m Message) (Message, error) {
	var a publishAnswer
	if err := l.ask(ctx, subjectPublish, l.toBus(m), &a); err != nil {
		return m, err
	}
	m.Seq = a.Seq
	if a.Seq > 0 {
		m.At = time.UnixMilli(a.At).UTC()
	}
	if a.Error != nil {
		return m, fromBus(a.Error)
	}
	return m, nil
}

// askPresent adds the members of the other processes, and tells whether all have answered.
func (l *link) askPresent(ctx context.Context, name string, all map[string]Present) bool {
	answers, complete, err := l.bus.Request(ctx, subjectPresence, []byte(name))
	for _, data := range answers {
		var there []Present
		if json.Unmarshal(data, &there) != nil {
			complete = false
			continue
		}
		for _, one := range there {
			merge(all, one)
		}
	}
	return complete && err == nil
}
