package rooms

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/realtime"
)

// roomBook remembers the records of rooms, which are asked for at every publish and every join.
type roomBook struct {
	app core.App

	mu      sync.RWMutex
	records map[string]*core.Record
	changes int // so that a row that was read before a change is not remembered after it
}

func newRoomBook(app core.App) *roomBook {
	return &roomBook{app: app, records: map[string]*core.Record{}}
}

// find fails with realtime.ErrRoomUnknown. The record is shared: do not change it.
func (b *roomBook) find(name string) (*core.Record, error) {
	b.mu.RLock()
	r, changes := b.records[name], b.changes
	b.mu.RUnlock()
	if r != nil {
		return r, nil
	}
	if !realtime.IsRoomName(name) {
		return nil, realtime.ErrRoomUnknown
	}
	r, err := b.app.FindFirstRecordByData("rooms", "name", name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, realtime.ErrRoomUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("find room: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changes == changes {
		b.records[name] = r
	}
	return r, nil
}

// settings is what the hub asks.
func (b *roomBook) settings(_ context.Context, name string) (realtime.Room, error) {
	r, err := b.find(name)
	if err != nil {
		return realtime.Room{}, err
	}
	return roomOf(r), nil
}

func (b *roomBook) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes++
	clear(b.records)
}

func roomOf(r *core.Record) realtime.Room {
	return realtime.Room{Name: r.GetString("name"), History: r.GetInt("history"), Presence: r.GetBool("presence")}
}

// bindRoomRecords makes changes of a room take effect at once.
func (r *Rooms) bindRoomRecords() {
	r.App.OnRecordDelete("rooms").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxRoomEmpty", Func: emptyRoom})
	for _, event := range []*hook.TaggedHook[*core.RecordEvent]{
		r.App.OnRecordAfterCreateSuccess("rooms"), r.App.OnRecordAfterUpdateSuccess("rooms"), r.App.OnRecordAfterDeleteSuccess("rooms"),
	} {
		event.Bind(&hook.Handler[*core.RecordEvent]{Id: "wxRoomChanged", Func: r.roomChanged})
	}
}

// emptyRoom deletes a room's messages in one go, before PocketBase would delete them one by one.
func emptyRoom(e *core.RecordEvent) error {
	if _, err := e.App.NonconcurrentDB().Delete("room_messages", dbx.HashExp{"room": e.Record.Id}).Execute(); err != nil {
		return fmt.Errorf("delete room messages: %w", err)
	}
	return e.Next()
}

// roomChanged runs after the commit. Members of a room whose rule has changed must join again.
func (r *Rooms) roomChanged(e *core.RecordEvent) error {
	r.roomBook.forget()
	now, before := e.Record, e.Record.Original()
	names := map[string]bool{now.GetString("name"): true, before.GetString("name"): true}
	moved := len(names) > 1 || e.Type == core.ModelEventTypeDelete
	delete(names, "")
	for name := range names {
		if moved {
			r.Hub.Forget(name)
		}
		if moved || now.GetString("joinRule") != before.GetString("joinRule") {
			r.Hub.Evict(name, "The room has changed.")
		}
	}
	if now.GetInt("history") < before.GetInt("history") && e.Type == core.ModelEventTypeUpdate {
		if err := r.Hub.Trim(e.Context, now.GetString("name"), now.GetInt("history")); err != nil {
			return err
		}
	}
	return e.Next()
}
