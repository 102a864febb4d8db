package rooms

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/realtime"
)

// roomStore keeps the history of rooms in room_messages.
// note: written and read as rows, without PocketBase's hooks: a busy room writes hundreds of messages a second, all of them checked.
type roomStore struct {
	app   core.App
	Rooms *roomBook
}

// Append writes all messages in one statement, which is one commit.
func (s roomStore) Append(ctx context.Context, messages []realtime.Message) error {
	values, params := make([]string, 0, len(messages)), dbx.Params{}
	for i, m := range messages {
		room, err := s.Rooms.find(m.Room)
		if err != nil {
			return err
		}
		at, err := types.ParseDateTime(m.At)
		if err != nil {
			return fmt.Errorf("write the time of a room message: %w", err)
		}
		row := map[string]any{
			"i": cmp.Or(m.ID, core.GenerateDefaultRandomId()), "r": room.Id, "q": m.Seq, "e": m.Event, "p": string(m.Payload), "s": m.Sender, "t": at.String(),
		}
		for key, value := range row {
			params[fmt.Sprint(key, i)] = value
		}
		values = append(values, strings.ReplaceAll("({:i#}, {:r#}, {:q#}, {:e#}, {:p#}, {:s#}, {:t#}, {:t#})", "#", fmt.Sprint(i)))
	}
	_, err := s.app.NonconcurrentDB().NewQuery("INSERT INTO room_messages (id, room, seq, event, payload, sender, created, updated) VALUES " +
		strings.Join(values, ", ") + " ON CONFLICT (id) DO NOTHING").Bind(params).WithContext(ctx).Execute()
	if err != nil {
		return fmt.Errorf("insert room messages: %w", err)
	}
	return nil
}

// After reads what is committed.
func (s roomStore) After(ctx context.Context, name string, seq int64, limit int) ([]realtime.Message, error) {
	room, err := s.Rooms.find(name)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Seq     int64          `db:"seq"`
		Event   string         `db:"event"`
		Payload string         `db:"payload"`
		Sender  string         `db:"sender"`
		Created types.DateTime `db:"created"`
	}
	err = s.app.ConcurrentDB().Select("seq", "event", "payload", "sender", "created").From("room_messages").
		Where(dbx.NewExp("[[room]] = {:room} AND [[seq]] > {:seq}", dbx.Params{"room": room.Id, "seq": seq})).
		OrderBy("seq").Limit(int64(limit)).WithContext(ctx).All(&rows)
	if err != nil {
		return nil, fmt.Errorf("read room messages: %w", err)
	}
	messages := make([]realtime.Message, len(rows))
	for i, r := range rows {
		messages[i] = realtime.Message{
			Room: name, Event: r.Event, Payload: json.RawMessage(r.Payload), Sender: r.Sender, Seq: r.Seq,
			At: r.Created.Time().UTC().Truncate(time.Millisecond),
		}
	}
	return messages, nil
}

// Reserve takes the next block of numbers, above all that a room of this name has had and above all messages that are there.
func (s roomStore) Reserve(ctx context.Context, name string, block int64) (int64, error) {
	room, err := s.Rooms.find(name)
	if err != nil {
		return 0, err
	}
	const used = "(SELECT COALESCE(MAX([[seq]]), 0) FROM room_messages WHERE [[room]] = {:room})"
	var reserved int64
	err = s.app.NonconcurrentDB().NewQuery("INSERT INTO room_sequences (id, name, reserved, created, updated) " +
		"VALUES ({:id}, {:name}, " + used + " + {:block}, {:now}, {:now}) ON CONFLICT (name) DO UPDATE SET " +
		"reserved = MAX(reserved, " + used + ") + {:block}, updated = {:now} RETURNING reserved").
		Bind(dbx.Params{"id": core.GenerateDefaultRandomId(), "name": name, "room": room.Id, "block": block, "now": types.NowDateTime().String()}).
		WithContext(ctx).Row(&reserved)
	if err != nil {
		return 0, fmt.Errorf("reserve room numbers: %w", err)
	}
	return reserved - block + 1, nil
}

// Trim deletes all but the newest.
func (s roomStore) Trim(ctx context.Context, name string, keep int) error {
	room, err := s.Rooms.find(name)
	if errors.Is(err, realtime.ErrRoomUnknown) { // deleted, and its messages with it
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.app.NonconcurrentDB().NewQuery("DELETE FROM room_messages WHERE [[room]] = {:room} AND [[seq]] <= " +
		"(SELECT [[seq]] FROM room_messages WHERE [[room]] = {:room} ORDER BY [[seq]] DESC LIMIT 1 OFFSET {:keep})").
		Bind(dbx.Params{"room": room.Id, "keep": max(keep, 0)}).WithContext(ctx).Execute()
	if err != nil {
		return fmt.Errorf("trim room messages: %w", err)
	}
	return nil
}
