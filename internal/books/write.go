package books

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/security"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/conflict"
)

// Watcher is told of a row that has just been written, in the transaction that writes it. before is nil for a new one.
type Watcher func(tx core.App, before, after *core.Record) error

// watched is what an app keeps about the rows that the engine writes.
type watched struct {
	root     core.App
	watchers map[string][]Watcher // by collection
	ownHooks int                  // of OnRecordCreate
}

const watchedKey = "wxWatched" // in the app's store

// Watch calls a watcher for each row of a collection that Write or Create writes. All are there before the server starts.
// note: what people and superusers save goes through PocketBase and its hooks, which whoever watches binds as well.
func Watch(app core.App, collection string, w Watcher) {
	all := watchedOf(app)
	if all == nil {
		all = &watched{root: app, watchers: map[string][]Watcher{}}
		app.Store().Set(watchedKey, all)
	}
	if w != nil {
		all.watchers[collection] = append(all.watchers[collection], w)
	}
}

// watchedOf is nil for an app without books.
func watchedOf(app core.App) *watched {
	all, _ := app.Store().Get(watchedKey).(*watched)
	return all
}

// Write writes a row that states a fact: WeChat has taken money, a refund has ended. It writes the columns that changed, by one statement,
// without PocketBase's validation and without the hooks that run before a save: nobody can veto what has happened. The hooks that run after the
// commit (OnRecordAfterUpdateSuccess and its like, realtime) run as ever.
func Write(app core.App, r *core.Record) error {
	all := watchedOf(app)
	if all == nil || !isPlain(r) {
		return Save(app, r)
	}
	if !app.IsTransactional() {
		return Together(app, func(tx core.App) error { return Write(tx, r) })
	}
	before, created := stored(r), r.IsNew()
	if err := write(app, r); err != nil {
		return conflict.Wrap(r.Collection().Name, err)
	}
	tellAfter(all.root, app.TxInfo(), r, created)
	for _, tell := range all.watchers[r.Collection().Name] {
		if err := tell(app, before, r); err != nil {
			return err
		}
	}
	return nil
}

// Create writes a new row that others may still veto or fill in: OnRecordCreate runs before it, and what it changes is written. What follows is as
// with Write.
func Create(app core.App, r *core.Record) error {
	event := new(core.RecordEvent)
	event.App, event.Context, event.Type, event.Record = app, context.WithValue(context.Background(), EngineWrite{}, true), core.ModelEventTypeCreate, r
	return app.OnRecordCreate().Trigger(event, func(e *core.RecordEvent) error { return Write(e.App, e.Record) })
}

// isPlain tells whether a row is columns and nothing else. Files go to the disk, a changed password or address ends sessions: PocketBase does that.
func isPlain(r *core.Record) bool {
	for _, f := range r.Collection().Fields {
		if _, ok := f.(*core.FileField); ok && len(r.GetUnsavedFiles(f.GetName())) > 0 {
			return false
		}
	}
	if !r.Collection().IsAuth() || r.IsNew() {
		return true
	}
	before := stored(r)
	return before.TokenKey() == r.TokenKey() && before.Email() == r.Email() && before.GetString(core.FieldNamePassword) == r.GetString(core.FieldNamePassword)
}

// write is one statement.
func write(tx core.App, r *core.Record) error {
	if r.IsNew() {
		_, err := insert(tx, r, "")
		return err
	}
	if r.Id != r.LastSavedPK() {
		return errors.New("the id of a row cannot change")
	}
	stamp(r)
	names, values, err := columns(r)
	if err != nil || len(names) == 0 {
		return err
	}
	text := "UPDATE `" + r.Collection().Name + "` SET `" + strings.Join(names, "`=?,`") + "`=? WHERE `id`=?"
	if err := Exec(tx, text, append(values, r.Id)...); err != nil {
		return err
	}
	r.SetRaw(storedKey, r.Fresh())
	return nil
}

// insert writes a new row and tells how many were written: none where otherwise says to do nothing.
func insert(tx core.App, r *core.Record, otherwise string) (int64, error) {
	run, err := executor(tx.NonconcurrentDB())
	if err != nil {
		return 0, err
	}
	stamp(r)
	names, values, err := columns(r)
	if err != nil {
		return 0, err
	}
	text := "INSERT INTO `" + r.Collection().Name + "` (`" + strings.Join(names, "`,`") + "`) VALUES (?" + strings.Repeat(",?", len(names)-1) + ")"
	done, err := run.Exec(text+otherwise, values...)
	if err != nil {
		return 0, err
	}
	r.MarkAsNotNew()
	r.SetRaw(storedKey, r.Fresh())
	return done.RowsAffected()
}

// storedKey keeps with a row what was written last: its Original stays what was read, however often it is written. PocketBase shows nobody what begins
// like this.
const storedKey = "@pbInternal_wxStored"

// undone takes the place of what was written when its transaction has failed: what the database holds is not known any more.
type undone struct{}

// stored is what the database holds of a row; nil for a new one.
func stored(r *core.Record) *core.Record {
	if last, _ := r.GetRaw(storedKey).(*core.Record); last != nil {
		return last
	}
	if r.IsNew() {
		return nil
	}
	return r.Original()
}

// stamp sets what PocketBase sets by itself: the id, the times, texts that are made by a pattern.
func stamp(r *core.Record) {
	now, isNew := types.NowDateTime(), r.IsNew()
	if isNew && r.Id == "" {
		r.Id = newID(r.Collection())
	}
	for _, field := range r.Collection().Fields {
		switch f := field.(type) {
		case *core.AutodateField:
			if isNew && f.OnCreate || !isNew && f.OnUpdate {
				r.SetRaw(f.Name, now)
			}
		case *core.TextField:
			if isNew && f.AutogeneratePattern != "" && r.GetString(f.Name) == "" {
				if text, err := security.RandomStringByRegex(f.AutogeneratePattern); err == nil {
					r.Set(f.Name, text)
				}
			}
		}
	}
}

// newID is the id of a new row. A user's says nothing about the day it was made.
func newID(c *core.Collection) string {
	if c.IsAuth() {
		return core.GenerateDefaultRandomId()
	}
	return NewID()
}

// NewID is PocketBase's 15 characters. The first eight are the time, so that rows that are made all day stand side by side in their indexes, and one
// commit writes few pages for many of them. The rest, 35 bits, is random.
func NewID() string {
	at := strconv.FormatInt(time.Now().UnixMilli(), 36) // note: 8 digits until 2059
	return at + strings.ToLower(rand.Text()[:core.DefaultIdLength-len(at)])
}

// columns are the names and values to write: all of a new row, and those that changed of another.
func columns(r *core.Record) (names []string, values []any, err error) {
	before, isNew := stored(r), r.IsNew()
	_, unknown := r.GetRaw(storedKey).(undone)
	for _, field := range r.Collection().Fields {
		name := field.GetName()
		if !isNew && (name == core.FieldNameId || !unknown && same(before.GetRaw(name), r.GetRaw(name))) {
			continue
		}
		value := r.GetRaw(name)
		if f, ok := field.(core.DriverValuer); ok {
			if value, err = f.DriverValue(r); err != nil {
				return nil, nil, fmt.Errorf("value of %s: %w", name, err)
			}
		}
		names, values = append(names, name), append(values, value)
	}
	return names, values, nil
}

func same(a, b any) bool {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && a == b
	case float64:
		b, ok := b.(float64)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case types.DateTime:
		b, ok := b.(types.DateTime)
		return ok && a.Equal(b)
	case types.JSONRaw:
		b, ok := b.(types.JSONRaw)
		return ok && bytes.Equal(a, b)
	default:
		return reflect.DeepEqual(a, b)
	}
}

// executor runs SQL texts as they are.
// note: dbx searches each text for names of parameters by a regular expression.
func executor(b dbx.Builder) (dbx.Executor, error) {
	if tx, ok := b.(*dbx.Tx); ok {
		b = tx.Builder
	}
	if db, ok := b.(*dbx.DB); ok {
		return db.DB(), nil
	}
	if with, ok := b.(interface{ Executor() dbx.Executor }); ok {
		return with.Executor(), nil
	}
	return nil, fmt.Errorf("books: %T runs no SQL", b)
}

// tellAfter runs PocketBase's hooks about a write once its transaction has ended, as a save of PocketBase's does.
func tellAfter(app core.App, tx *core.TxAppInfo, r *core.Record, created bool) {
	event := &core.ModelEvent{App: app, Context: context.Background(), Type: core.ModelEventTypeUpdate}
	if event.Model = r; created {
		event.Type = core.ModelEventTypeCreate
	}
	tx.OnComplete(func(failed error) error {
		if failed != nil {
			r.SetRaw(storedKey, undone{})
		}
		switch {
		case failed != nil && created:
			r.MarkAsNew()
			return app.OnModelAfterCreateError().Trigger(&core.ModelErrorEvent{ModelEvent: *event, Error: failed})
		case failed != nil:
			return app.OnModelAfterUpdateError().Trigger(&core.ModelErrorEvent{ModelEvent: *event, Error: failed})
		case created:
			return app.OnModelAfterCreateSuccess().Trigger(event)
		default:
			return app.OnModelAfterUpdateSuccess().Trigger(event)
		}
	})
}
