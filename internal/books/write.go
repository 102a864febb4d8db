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

// Watcher is called for a row that was just written, in the writing transaction. before is nil for a new row.
type Watcher func(tx core.App, before, after *core.Record) error

// watched is what an app keeps about rows that the server writes.
type watched struct {
	root     core.App
	watchers map[string][]Watcher // by collection
	ownHooks int                  // our hooks of OnRecordCreate
}

const watchedKey = "wxWatched" // in the app's store

// Watch registers a watcher for each row of a collection that Write or Create writes. Register all before the server
// starts. note: saves by users and superusers go through PocketBase and its hooks, which a watcher must bind as well.
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

// watchedOf returns nil for an app without books.
func watchedOf(app core.App) *watched {
	all, _ := app.Store().Get(watchedKey).(*watched)
	return all
}

// Write writes a row that states a fact: WeChat has taken money, a refund has ended. It writes the changed columns by
// one statement, without PocketBase's validation and without the hooks before a save, because nobody can veto what has
// happened. The hooks after the commit (OnRecordAfterUpdateSuccess and similar, realtime) run as usual.
func Write(app core.App, r *core.Record) error {
	all := watchedOf(app)
	if all == nil || !isPlain(r) {
		return Save(app, r)
	}
	if !app.IsTransactional() {
		return Together(app, func(tx core.App) error { return Write(tx, r) })
	}
	before, created := stored(r), r.IsNew()
	if err := write(app, r, before); err != nil {
		return conflict.Wrap(r.Collection().Name, err)
	}
	tellAfter(all.root, app.TxInfo(), r, created)
	watchers := all.watchers[r.Collection().Name]
	if len(watchers) == 0 {
		return nil
	}
	asRecord := recordOfContent(r.Collection(), before)
	for _, tell := range watchers {
		if err := tell(app, asRecord, r); err != nil {
			return err
		}
	}
	return nil
}

// Create writes a new row that others may veto or fill in: OnRecordCreate runs before, and its changes are written. The
// rest is as in Write.
func Create(app core.App, r *core.Record) error {
	event := new(core.RecordEvent)
	event.App, event.Context, event.Type, event.Record = app, context.WithValue(context.Background(), EngineWrite{}, true), core.ModelEventTypeCreate, r
	return app.OnRecordCreate().Trigger(event, func(e *core.RecordEvent) error { return Write(e.App, e.Record) })
}

// isPlain tells whether a row consists of columns only. PocketBase must write files to the disk, and end sessions after
// a change of password or address.
func isPlain(r *core.Record) bool {
	for _, f := range r.Collection().Fields {
		if _, ok := f.(*core.FileField); ok && len(r.GetUnsavedFiles(f.GetName())) > 0 {
			return false
		}
	}
	if !r.Collection().IsAuth() || r.IsNew() {
		return true
	}
	before := recordOfContent(r.Collection(), stored(r))
	return before.TokenKey() == r.TokenKey() && before.Email() == r.Email() && before.GetString(core.FieldNamePassword) == r.GetString(core.FieldNamePassword)
}

// write writes a row by one statement: all of a new one, else what differs from before.
func write(tx core.App, r *core.Record, before content) error {
	if r.IsNew() {
		_, err := insert(tx, r, "")
		return err
	}
	if r.Id != r.LastSavedPK() {
		return errors.New("the id of a row cannot change")
	}
	stamp(r)
	names, values, err := columns(r, before)
	if err != nil || len(names) == 0 {
		return err
	}
	text := "UPDATE `" + r.Collection().Name + "` SET `" + strings.Join(names, "`=?,`") + "`=? WHERE `id`=?"
	if err := Exec(tx, text, append(values, r.Id)...); err != nil {
		return err
	}
	r.SetRaw(storedKey, writtenOf(r))
	return nil
}

// insert writes a new row and returns how many rows were written: zero if otherwise says to do nothing.
func insert(tx core.App, r *core.Record, otherwise string) (int64, error) {
	run, err := executor(tx.NonconcurrentDB())
	if err != nil {
		return 0, err
	}
	stamp(r)
	names, values, err := columns(r, nil)
	if err != nil {
		return 0, err
	}
	text := "INSERT INTO `" + r.Collection().Name + "` (`" + strings.Join(names, "`,`") + "`) VALUES (?" + strings.Repeat(",?", len(names)-1) + ")"
	done, err := run.Exec(text+otherwise, values...)
	if err != nil {
		return 0, err
	}
	r.MarkAsNotNew()
	r.SetRaw(storedKey, writtenOf(r))
	return done.RowsAffected()
}

// storedKey keeps with a row what was written last, because its Original stays as read. PocketBase hides fields with
// this prefix.
const storedKey = "@pbInternal_wxStored"

// content is the database's content of a row: a record as it was read, or what we wrote since.
type content interface {
	GetRaw(field string) any
}

// written is what was written last, by field. note: a copy as a record (Fresh) took as long as the statement.
type written map[string]any

// GetRaw returns the value of a field.
func (w written) GetRaw(field string) any { return w[field] }

func writtenOf(r *core.Record) written {
	w := make(written, len(r.Collection().Fields))
	for _, field := range r.Collection().Fields {
		w[field.GetName()] = r.GetRaw(field.GetName())
	}
	return w
}

// undone replaces what was written when its transaction has failed: the database's content is then unknown.
type undone struct{}

// stored is the database's content of a row; nil for a new one.
func stored(r *core.Record) content {
	if last, ok := r.GetRaw(storedKey).(written); ok {
		return last
	}
	if r.IsNew() {
		return nil
	}
	return r.Original()
}

// recordOfContent is the content as a record; nil for nil.
func recordOfContent(c *core.Collection, from content) *core.Record {
	switch from := from.(type) {
	case *core.Record:
		return from
	case written:
		r := core.NewRecord(c)
		for name, value := range from {
			r.SetRaw(name, value)
		}
		r.MarkAsNotNew()
		return r
	default:
		return nil
	}
}

// stamp sets what PocketBase sets by itself: the id, the times, texts generated from a pattern.
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

// newID is the id of a new row. A user's id does not reveal the day it was made.
func newID(c *core.Collection) string {
	if c.IsAuth() {
		return core.GenerateDefaultRandomId()
	}
	return NewID()
}

// NewID makes an id of PocketBase's 15 characters. The first eight are the time, so that new rows are neighbours in
// their indexes and a commit of many writes few pages. The rest, 35 bits, is random.
func NewID() string {
	at := strconv.FormatInt(time.Now().UnixMilli(), 36) // note: 8 digits until 2059
	return at + strings.ToLower(rand.Text()[:core.DefaultIdLength-len(at)])
}

// columns returns the names and values to write: all of a new row, else those that differ from before.
func columns(r *core.Record, before content) (names []string, values []any, err error) {
	isNew := r.IsNew()
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

// executor runs SQL texts unchanged. note: dbx searches each text for parameter names with a regular expression.
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

// tellAfter runs PocketBase's hooks about a write when its transaction has ended, as after a save of PocketBase.
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
