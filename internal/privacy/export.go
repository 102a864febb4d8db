package privacy

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/list"
	"github.com/pocketbase/pocketbase/tools/types"
)

// anotherPerson stands in an export for another person that a row names.
const anotherPerson = "(another person)"

// exporter writes a person's data as data.json, then their files, into a zip. Rows are read some at a time, so that its memory does not grow with
// what there is.
type exporter struct {
	*gatherer

	ctx   context.Context //nolint:containedctx // lives as long as the request that it writes for
	out   *zip.Writer
	now   time.Time
	files []string // keys in the storage
}

// write writes all of it.
func (x *exporter) write() error {
	entry, err := x.create("data.json")
	if err != nil {
		return err
	}
	text := bufio.NewWriterSize(entry, 64<<10)
	if err := errors.Join(x.writeData(text), text.Flush()); err != nil {
		return err
	}
	if err := x.writeFiles(); err != nil {
		return err
	}
	return x.out.Close()
}

func (x *exporter) create(name string) (io.Writer, error) {
	entry, err := x.out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: x.now})
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return entry, nil
}

// writeData writes {exportedAt, user, collections: {name: [rows]}, mentions: [{collection, id, created}], files: [...]}.
func (x *exporter) writeData(w *bufio.Writer) error {
	_, _ = fmt.Fprintf(w, "{\n  \"exportedAt\": %s,\n  \"user\": %s,\n  \"collections\": {", jsonOf(x.now.UTC().Format(time.RFC3339)), jsonOf(x.who.User))
	separator := ""
	for _, name := range x.found.tables() {
		ids := x.whole(name)
		if len(ids) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(w, "%s\n    %s: [", separator, jsonOf(name))
		if err := x.writeRows(w, name, ids); err != nil {
			return err
		}
		_, _ = w.WriteString("\n    ]")
		separator = ","
	}
	_, _ = w.WriteString("\n  },\n  \"mentions\": [")
	if err := x.writeMentions(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n  ],\n  \"files\": %s\n}\n", jsonOf(append([]string{}, x.files...)))
	return err
}

// whole are the rows of a collection that are given as they are.
func (x *exporter) whole(table string) []string {
	switch {
	case slices.Contains(referred, table):
		return nil
	case table == "wx_quotas":
		return x.found.ids(table, mentioned) // note: a counter names only its user, in the middle of its key
	default:
		return x.found.ids(table, shared)
	}
}

func (x *exporter) writeRows(w *bufio.Writer, table string, ids []string) error {
	separator := ""
	for some := range slices.Chunk(ids, chunk) {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		rows, err := x.app.FindRecordsByIds(table, some)
		if err != nil {
			return fmt.Errorf("read %s: %w", table, err)
		}
		for _, row := range rows {
			_, _ = fmt.Fprintf(w, "%s\n      %s", separator, jsonOf(x.plain(row)))
			separator = ","
		}
	}
	return nil
}

// plain is a row for its person to read: without keys, and without ids of other people. Files are noted.
func (x *exporter) plain(row *core.Record) map[string]any {
	c := row.Collection()
	shown := map[string]any{}
	for _, field := range c.Fields {
		name := field.GetName()
		if isWithheld(c, field) {
			continue
		}
		if slices.Contains(payerFields[c.Name], name) {
			shown[name] = x.hidePayer(row, name)
			continue
		}
		switch f := field.(type) {
		case *core.RelationField:
			shown[name] = x.hideOthers(f, row)
		case *core.FileField:
			for _, file := range row.GetStringSlice(name) {
				x.files = append(x.files, row.BaseFilesPath()+"/"+file)
			}
			shown[name] = row.Get(name)
		default:
			shown[name] = row.Get(name)
		}
	}
	return shown
}

// hideOthers shows a relation without the ids of other accounts.
func (x *exporter) hideOthers(f *core.RelationField, row *core.Record) any {
	to, err := x.app.FindCachedCollectionByNameOrId(f.CollectionId)
	if err != nil || !to.IsAuth() {
		return row.Get(f.Name)
	}
	ids := row.GetStringSlice(f.Name)
	for i, id := range ids {
		if id != x.who.User {
			ids[i] = anotherPerson
		}
	}
	if f.IsMultiple() {
		return ids
	}
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// mention is a row that is named and not repeated.
type mention struct {
	Collection string         `json:"collection"`
	ID         string         `db:"id" json:"id"`
	Created    types.DateTime `db:"created" json:"created"`
}

// writeMentions names what WeChat sent about the person, what the server has to do for them, and rows of others that speak of them.
func (x *exporter) writeMentions(w *bufio.Writer) error {
	separator := ""
	for _, name := range x.found.tables() {
		c, err := x.app.FindCachedCollectionByNameOrId(name)
		if err != nil {
			return err
		}
		rest := list.SubtractSlice(x.found.ids(name, mentioned), x.whole(name))
		for ids := range slices.Chunk(rest, chunk) {
			rows, err := mentionsOf(x.app, c, ids)
			if err != nil {
				return err
			}
			for _, row := range rows {
				_, _ = fmt.Fprintf(w, "%s\n    %s", separator, jsonOf(row))
				separator = ","
			}
		}
	}
	return nil
}

func mentionsOf(app core.App, c *core.Collection, ids []string) (rows []mention, err error) {
	columns := []string{"id"}
	if c.Fields.GetByName("created") != nil {
		columns = append(columns, "created")
	}
	err = app.ConcurrentDB().Select(columns...).From(c.Name).Where(dbx.In("id", list.ToInterfaceSlice(ids)...)).OrderBy("id").All(&rows)
	for i := range rows {
		rows[i].Collection = c.Name
	}
	return rows, err
}

// writeFiles copies the files. One that the storage has lost is left out: its row is there.
func (x *exporter) writeFiles() error {
	files, err := x.app.NewFilesystem()
	if err != nil {
		return fmt.Errorf("open storage: %w", err)
	}
	defer func() { _ = files.Close() }()
	files.SetContext(x.ctx)
	for _, key := range x.files {
		reader, err := files.GetReader(key)
		if err != nil {
			x.app.Logger().Warn("a file is missing in an export", "file", key, "error", err.Error())
			continue
		}
		entry, err := x.create("files/" + key)
		if err == nil {
			_, err = io.Copy(entry, reader)
		}
		if err = errors.Join(err, reader.Close()); err != nil {
			return fmt.Errorf("copy %s: %w", key, err)
		}
	}
	return nil
}

// jsonOf writes a value as one line.
func jsonOf(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		return []byte("null") // note: the database's content; a broken JSON text in it is dropped
	}
	return text
}
