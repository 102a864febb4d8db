package moving

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// batch is how many rows share a transaction; a kill loses at most so many, and the next run brings them again.
const batch = 1000

// Mover carries out a plan.
type Mover struct {
	App    core.App
	Source Source
	Plan   *Plan
	Step   func(done, all int) // may be nil
	Files  FileOptions

	report   Report
	guessing bool              // passwords can be guessed from now on
	people   map[string]string // id of a person there -> id of the user here
	byOpen   map[string]string // openid -> id of the user here
	done     int
}

// Run creates what is missing and brings the rows. It may be run again at any time: a row that has been changed here since is kept, one that
// has been changed there since is brought again.
func (m *Mover) Run(ctx context.Context) (*Report, error) {
	m.report = Report{Plan: m.Plan, New: map[string]int{}, Kept: map[string]int{}, Lost: map[string]int{}}
	maps.Copy(m.report.Lost, m.Plan.Lost)
	if err := m.App.RunInTransaction(m.makeCollections); err != nil {
		return nil, err
	}
	if m.guessing {
		if err := limitGuesses(m.App); err != nil {
			return nil, err
		}
	}
	if err := m.meet(); err != nil {
		return nil, err
	}
	for _, c := range m.order() {
		if err := m.moveClass(ctx, c); err != nil {
			return nil, fmt.Errorf("import %s: %w", c.Name, err)
		}
	}
	if err := m.moveJoins(ctx); err != nil {
		return nil, err
	}
	if err := m.moveFiles(ctx); err != nil {
		return nil, err
	}
	return &m.report, m.countDangling()
}

// order puts the people first, because rows refer to the users that they become.
func (m *Mover) order() []*Class {
	var first, rest []*Class
	for _, c := range m.Plan.Classes {
		if c.Name == m.Source.People() {
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	return append(first, rest...)
}

func (m *Mover) moveClass(ctx context.Context, c *Class) error {
	before, err := m.count(c)
	if err != nil {
		return err
	}
	var waiting []Row
	flush := func() error {
		err := m.App.RunInTransaction(func(tx core.App) error { return m.writeRows(tx, c, waiting) })
		m.done += len(waiting)
		waiting = waiting[:0]
		if m.Step != nil {
			m.Step(m.done, m.Plan.Rows())
		}
		return err
	}
	err = m.Source.Rows(c.Name, func(row Row) error {
		waiting = append(waiting, row)
		if len(waiting) < batch {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return flush()
	})
	if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	after, err := m.count(c)
	m.report.New[c.Name] = after - before
	return err
}

func (m *Mover) count(c *Class) (n int, err error) {
	err = m.App.DB().Select("count(*)").From(c.Collection).Row(&n)
	return n, err
}

func (m *Mover) writeRows(tx core.App, c *Class, rows []Row) error {
	if c.Name == fileClass {
		return m.writeFileRows(tx, c, rows)
	}
	w := &writer{tx: tx, table: c.Collection, statements: map[string]*dbx.Query{}}
	defer w.close()
	for _, row := range rows {
		values, err := m.valuesOf(tx, c, row)
		if err != nil {
			return fmt.Errorf("row %s: %w", row.ID, err)
		}
		if values == nil { // a person who is here already
			continue
		}
		changed, err := w.write(values)
		if err != nil {
			return fmt.Errorf("row %s: %w", row.ID, err)
		}
		if !changed {
			m.report.Kept[c.Name]++
		}
		if row.Person != nil {
			if err := m.bind(tx, row, values["id"].(string)); err != nil { //nolint:forcetypeassert // made a line above
				return fmt.Errorf("row %s: %w", row.ID, err)
			}
		}
	}
	return m.writeLooseFiles(tx, c, rows)
}

// valuesOf are the columns of a row.
func (m *Mover) valuesOf(tx core.App, c *Class, row Row) (map[string]any, error) {
	values := map[string]any{"id": m.idOf(c.Name, row.ID), "created": dateText(row.Created), "updated": dateText(row.Updated)}
	for _, f := range c.Fields {
		v, ok := row.Fields[f.Key]
		if !ok {
			v = nil
		}
		column, err := m.column(f, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Key, err)
		}
		values[f.Name] = column
	}
	if row.Person != nil {
		return m.userValues(tx, row, values)
	}
	if c.Access.Rows > 0 {
		return values, m.addAccess(tx, row, values)
	}
	return values, nil
}

func (m *Mover) addAccess(tx core.App, row Row, values map[string]any) error {
	one := accessOf(row)
	values["aclPublic"], values["aclOwner"], values["acl"] = one.public, "", nil
	if one.owner != "" {
		values["aclOwner"] = m.idOf(m.Source.People(), one.owner)
	}
	if one.partly {
		raw, err := json.Marshal(row.ACL)
		if err != nil {
			return err
		}
		values["acl"] = string(raw)
	}
	if row.OpenID != "" {
		owner, err := m.userOf(tx, row.OpenID)
		values["aclOwner"] = owner
		return err
	}
	return nil
}

// idOf is the id here of a row there.
func (m *Mover) idOf(class, id string) string {
	if class != "" && class == m.Source.People() {
		if known, ok := m.people[id]; ok {
			return known
		}
		return shortID(m.Source.Label(), class, id)
	}
	return rowID(m.Source.Label(), class, id)
}

// column is a value as PocketBase stores it for the field.
func (m *Mover) column(f *Field, v any) (any, error) {
	switch f.Kind {
	case KindNumber:
		n, _ := v.(json.Number)
		value, _ := n.Float64()
		return value, nil
	case KindBool:
		return v == true, nil
	case KindDate:
		at, _ := v.(time.Time)
		return dateText(at), nil
	case KindPointer:
		if p, ok := v.(Pointer); ok {
			return m.idOf(p.Class, p.ID), nil
		}
		return "", nil
	case KindPointers:
		return m.idsOf(v)
	case KindFile:
		if file, ok := v.(File); ok {
			return rowID(m.Source.Label(), fileClass, file.ID), nil
		}
		return "", nil
	case KindGeo:
		point, _ := v.(Geo)
		return jsonText(point)
	case KindJSON:
		if v == nil {
			return nil, nil
		}
		return jsonText(plain(v))
	case KindText, KindBytes:
	}
	if v == nil {
		return "", nil
	}
	return fmt.Sprint(v), nil
}

func (m *Mover) idsOf(v any) (any, error) {
	ids := []string{}
	if all, ok := v.([]Pointer); ok {
		for _, p := range all {
			ids = append(ids, m.idOf(p.Class, p.ID))
		}
	}
	return jsonText(ids)
}

func jsonText(v any) (any, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return strings.TrimSuffix(text.String(), "\n"), err
}

// plain gives a value that has landed in a JSON field the form that LeanCloud's clients know.
func plain(v any) any {
	switch v := v.(type) {
	case Pointer:
		return map[string]any{"__type": "Pointer", "className": v.Class, "objectId": v.ID}
	case []Pointer:
		all := []any{}
		for _, p := range v {
			all = append(all, plain(p))
		}
		return all
	case time.Time:
		return map[string]any{"__type": "Date", "iso": v.UTC().Format("2006-01-02T15:04:05.000Z")}
	case Geo:
		return map[string]any{"__type": "GeoPoint", "latitude": v.Lat, "longitude": v.Lon}
	case Bytes:
		return map[string]any{"__type": "Bytes", "base64": string(v)}
	case File:
		return map[string]any{"__type": "File", "objectId": v.ID, "name": v.Name, "url": v.URL}
	}
	return v
}

func dateText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(types.DefaultDateLayout)
}
