package moving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/dbutils"
)

// PocketBase is the data folder of another PocketBase, read from a copy of its database.
type PocketBase struct {
	dir, copied string
	db          *dbx.DB
	tables      []*table
}

// table is a collection there, and what it becomes here.
type table struct {
	raw     map[string]any // as an import of collections takes it
	name    string
	columns []string
	class   *Class
}

// OpenPocketBase copies the database, so that the folder itself stays as it is. Close deletes the copy.
func OpenPocketBase(dir string) (*PocketBase, error) {
	copied, err := os.MkdirTemp("", "wxbase-import-")
	if err != nil {
		return nil, fmt.Errorf("copy database: %w", err)
	}
	p := &PocketBase{dir: dir, copied: copied}
	for _, name := range []string{"data.db", "data.db-wal"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(copied, name)); err != nil && (name == "data.db" || !errors.Is(err, os.ErrNotExist)) {
			p.Close()
			return nil, fmt.Errorf("copy database: %w", err)
		}
	}
	if p.db, err = dbx.Open("sqlite", "file:"+filepath.Join(copied, "data.db")); err == nil {
		err = p.read()
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("open the database of %s: %w", dir, err)
	}
	return p, nil
}

// Close forgets the copy.
func (p *PocketBase) Close() {
	if p.db != nil {
		_ = p.db.Close()
	}
	_ = os.RemoveAll(p.copied)
}

func copyFile(from, to string) error {
	in, err := os.Open(from) //nolint:gosec // named by the operator
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // our own folder
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// errOurs is for a folder that a backup brings here better.
var errOurs = errors.New("it is the data folder of a wxbase: take it as it is by --dir, or restore a backup")

func (p *PocketBase) read() error {
	var rows []dbx.NullStringMap
	if err := p.db.Select("*").From("_collections").Where(dbx.HashExp{"system": false}).OrderBy("created", "name").All(&rows); err != nil {
		return err
	}
	for _, row := range rows {
		if row["name"].String == "wx_apps" {
			return errOurs
		}
		raw := map[string]any{}
		for _, column := range []string{"id", "name", "type"} {
			raw[column] = row[column].String
		}
		for _, rule := range []string{"listRule", "viewRule", "createRule", "updateRule", "deleteRule"} {
			if row[rule].Valid {
				raw[rule] = row[rule].String
			} else {
				raw[rule] = nil
			}
		}
		if err := json.Unmarshal([]byte(row["options"].String), &raw); err != nil {
			return err
		}
		var fields, indexes []any
		if err := errors.Join(json.Unmarshal([]byte(row["fields"].String), &fields), json.Unmarshal([]byte(row["indexes"].String), &indexes)); err != nil {
			return fmt.Errorf("collection %s is of another version of PocketBase (want 0.23 or newer): %w", row["name"].String, err)
		}
		raw["fields"], raw["indexes"] = fields, indexes
		p.tables = append(p.tables, &table{raw: raw, name: row["name"].String})
	}
	return nil
}

// Plan names the collections and counts their rows.
func (p *PocketBase) Plan(app core.App) (*Plan, error) {
	all, err := app.FindAllCollections()
	if err != nil {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	plan := &Plan{Source: "pocketbase", Lost: map[string]int{}}
	taken, ids := map[string]bool{}, map[string]*core.Collection{}
	for _, c := range all {
		taken[strings.ToLower(c.Name)], ids[c.Id] = true, c
	}
	for _, t := range p.tables {
		if t.raw["type"] == core.CollectionTypeView {
			plan.Lost["view collections (make them anew in the dashboard): "+t.name]++
			continue
		}
		if err := p.planTable(t, taken, ids); err != nil {
			return nil, fmt.Errorf("plan %s: %w", t.name, err)
		}
		plan.Classes = append(plan.Classes, t.class)
	}
	p.remap()
	return plan, nil
}

func (p *PocketBase) planTable(t *table, taken map[string]bool, ids map[string]*core.Collection) error {
	t.class = &Class{Name: t.name, id: shortID("pocketbase", textOf(t.raw["id"])), Rules: "as they were"}
	switch {
	case t.name == "users" && t.raw["type"] == core.CollectionTypeAuth:
		t.class.Collection, t.class.Rules = "users", "those of users here"
		for _, c := range ids {
			if c.Name == "users" {
				t.class.id = c.Id
			}
		}
	case ids[t.class.id] != nil:
		t.class.Collection = ids[t.class.id].Name
	default:
		t.class.Collection = freeName(t.name, "pb_", taken)
		taken[strings.ToLower(t.class.Collection)] = true
	}
	for _, f := range t.fields() {
		name := textOf(f["name"])
		t.columns = append(t.columns, name)
		t.class.Fields = append(t.class.Fields, &Field{Key: name, Name: name, Kind: Kind(textOf(f["type"]))})
	}
	return p.db.Select("count(*)").From(t.name).Row(&t.class.Rows)
}

func (t *table) fields() (all []map[string]any) {
	list, _ := t.raw["fields"].([]any)
	for _, f := range list {
		if field, ok := f.(map[string]any); ok {
			all = append(all, field)
		}
	}
	return all
}

// remap makes collections, relations and indexes speak of the ids and names here.
func (p *PocketBase) remap() {
	ids := map[string]string{}
	for _, t := range p.tables {
		if t.class != nil {
			ids[textOf(t.raw["id"])] = t.class.id
		}
	}
	for _, t := range p.tables {
		if t.class == nil {
			continue
		}
		for _, f := range t.fields() {
			if to, ok := ids[textOf(f["collectionId"])]; ok {
				f["collectionId"] = to
			}
		}
		var indexes []any
		list, _ := t.raw["indexes"].([]any)
		for _, sql := range list {
			index := dbutils.ParseIndex(textOf(sql))
			index.TableName, index.IndexName = t.class.Collection, "idx_"+shortID(t.class.id, index.IndexName)
			indexes = append(indexes, index.Build())
		}
		t.raw["id"], t.raw["name"], t.raw["indexes"] = t.class.id, t.class.Collection, indexes
	}
}

// Move creates the collections and brings rows and files. A row that is here already stays, unless it was changed there later.
func (p *PocketBase) Move(ctx context.Context, app core.App, plan *Plan, skipFiles bool) (*Report, error) {
	m := &Mover{App: app, Source: LeanCloud{}, Plan: plan}
	m.report = Report{Plan: plan, New: map[string]int{}, Kept: map[string]int{}, Lost: map[string]int{}}
	maps.Copy(m.report.Lost, plan.Lost)
	if err := p.makeCollections(app); err != nil {
		return nil, err
	}
	for _, t := range p.tables {
		if t.class == nil {
			continue
		}
		if err := p.moveTable(ctx, m, t); err != nil {
			return nil, fmt.Errorf("import %s: %w", t.name, err)
		}
		if skipFiles {
			continue
		}
		if err := p.moveStorage(ctx, m, t); err != nil {
			return nil, fmt.Errorf("import the files of %s: %w", t.name, err)
		}
	}
	return &m.report, nil
}

func (p *PocketBase) makeCollections(app core.App) error {
	var fresh []map[string]any
	for _, t := range p.tables {
		switch {
		case t.class == nil:
		case t.class.Collection == "users":
			if err := extendUsers(app, t); err != nil {
				return fmt.Errorf("extend users: %w", err)
			}
		default:
			if _, err := app.FindCollectionByNameOrId(t.class.id); err != nil {
				fresh = append(fresh, t.raw)
			}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := app.ImportCollections(fresh, false); err != nil {
		return fmt.Errorf("create collections: %w", err)
	}
	return nil
}

// extendUsers adds the fields that users has there and not here, and its password login. Rules stay those of here.
func extendUsers(app core.App, t *table) error {
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return err
	}
	var added []string
	for _, f := range t.fields() {
		if users.Fields.GetByName(textOf(f["name"])) != nil || f["type"] == core.FieldTypeRelation {
			continue // note: relations would need collections that come after; their values are not kept
		}
		raw, err := json.Marshal([]any{f})
		if err == nil {
			err = users.Fields.AddMarshaledJSON(raw)
		}
		if err != nil {
			return err
		}
		added = append(added, textOf(f["name"]))
	}
	list, _ := t.raw["indexes"].([]any)
	for _, sql := range list {
		index := dbutils.ParseIndex(textOf(sql))
		if len(index.Columns) == 1 && slices.Contains(added, index.Columns[0].Name) {
			users.Indexes = append(users.Indexes, index.Build())
		}
	}
	login, _ := t.raw["passwordAuth"].(map[string]any)
	if login["enabled"] == true {
		users.PasswordAuth.Enabled = true
		fields, _ := login["identityFields"].([]any)
		for _, f := range fields {
			if !slices.Contains(users.PasswordAuth.IdentityFields, textOf(f)) {
				users.PasswordAuth.IdentityFields = append(users.PasswordAuth.IdentityFields, textOf(f))
			}
		}
	}
	if err := app.Save(users); err != nil || !users.PasswordAuth.Enabled {
		return err
	}
	return limitGuesses(app)
}

func (p *PocketBase) moveTable(ctx context.Context, m *Mover, t *table) error {
	here, err := m.App.FindCollectionByNameOrId(t.class.id)
	if err != nil {
		return err
	}
	before, err := m.count(t.class)
	if err != nil {
		return err
	}
	columns := slices.DeleteFunc(slices.Clone(t.columns), func(c string) bool { return here.Fields.GetByName(c) == nil })
	for last, more := "", true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var rows []dbx.NullStringMap
		q := p.db.Select(columns...).From(t.name).Where(dbx.NewExp("[[id]] > {:last}", dbx.Params{"last": last})).OrderBy("id").Limit(batch)
		if err := q.All(&rows); err != nil {
			return err
		}
		if err := m.App.RunInTransaction(func(tx core.App) error { return p.copyRows(tx, m, t, rows) }); err != nil {
			return err
		}
		if more = len(rows) == batch; more {
			last = rows[len(rows)-1]["id"].String
		}
	}
	after, err := m.count(t.class)
	m.report.New[t.name] = after - before
	return err
}

func (p *PocketBase) copyRows(tx core.App, m *Mover, t *table, rows []dbx.NullStringMap) error {
	w := &writer{tx: tx, table: t.class.Collection, statements: map[string]*dbx.Query{}}
	defer w.close()
	for _, row := range rows {
		values := map[string]any{}
		for column, v := range row {
			if values[column] = nil; v.Valid {
				values[column] = v.String
			}
		}
		if t.class.Collection == "users" {
			email, err := m.free(tx, "email", row["email"].String, row["id"].String, lostEmail)
			if err != nil {
				return err
			}
			values["email"] = email
		}
		changed, err := w.write(values)
		if err != nil {
			return fmt.Errorf("row %s: %w", row["id"].String, err)
		}
		if !changed {
			m.report.Kept[t.name]++
		}
	}
	return nil
}

// moveStorage copies the files of a collection that are not here; thumbs are made anew when they are asked for.
func (p *PocketBase) moveStorage(ctx context.Context, m *Mover, t *table) error {
	root := filepath.Join(p.dir, core.LocalStorageDirName, p.oldID(t))
	found, err := filepath.Glob(filepath.Join(globEscape(root), "*", "*"))
	if err != nil || len(found) == 0 {
		return err
	}
	fs, err := m.App.NewFilesystem()
	if err != nil {
		return err
	}
	defer func() { _ = fs.Close() }()
	for _, path := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil || info.IsDir() {
			continue
		}
		key := t.class.id + "/" + filepath.Base(filepath.Dir(path)) + "/" + filepath.Base(path)
		if there, err := fs.Exists(key); err != nil || there {
			continue
		}
		data, err := os.ReadFile(path) //nolint:gosec // found in the folder that the operator named
		if err == nil {
			err = fs.Upload(data, key)
		}
		if err != nil {
			return err
		}
		m.report.Files++
	}
	return nil
}

func (p *PocketBase) oldID(t *table) (id string) {
	_ = p.db.Select("id").From("_collections").Where(dbx.HashExp{"name": t.name}).Row(&id)
	return id
}
