package moving

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// writer inserts rows of a table with as few statements as there are sets of columns.
//
// note: rows are written as SQL, without the hooks and validators of records, which would cost minutes for 100,000 rows and refuse old data
// that new rules would not take.
type writer struct {
	tx         core.App
	table      string
	statements map[string]*dbx.Query
}

// once are columns that belong to the row here as soon as it is there.
var once = []string{"id", "created", "tokenKey", "emailVisibility"}

// write inserts a row, or brings it again when it was changed there after it was last changed here. changed is false for one that stays.
func (w *writer) write(values map[string]any) (changed bool, err error) {
	columns := slices.Sorted(maps.Keys(values))
	key := strings.Join(columns, ",")
	q, ok := w.statements[key]
	if !ok {
		q = w.tx.DB().NewQuery(upsert(w.table, columns)).Prepare()
		w.statements[key] = q
	}
	params := dbx.Params{}
	for i, c := range columns {
		params[fmt.Sprint("v", i)] = values[c]
	}
	result, err := q.Bind(params).Execute()
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

func (w *writer) close() {
	for _, q := range w.statements {
		_ = q.Close()
	}
}

func upsert(table string, columns []string) string {
	var names, places, sets []string
	for i, c := range columns {
		names, places = append(names, "[["+c+"]]"), append(places, fmt.Sprintf("{:v%d}", i))
		if slices.Contains(once, c) {
			continue
		}
		value := "excluded.[[" + c + "]]"
		if c == "password" { // a password that was stored anew, or changed here, is newer than any there
			value = fmt.Sprintf("CASE WHEN {{%s}}.[[password]] LIKE '%s%%' THEN excluded.[[password]] ELSE {{%s}}.[[password]] END", table, leanCloudMark, table)
		}
		sets = append(sets, "[["+c+"]] = "+value)
	}
	if !slices.Contains(columns, "updated") {
		return fmt.Sprintf("INSERT INTO {{%s}} (%s) VALUES (%s) ON CONFLICT ([[id]]) DO NOTHING", table, strings.Join(names, ", "), strings.Join(places, ", "))
	}
	return fmt.Sprintf("INSERT INTO {{%s}} (%s) VALUES (%s) ON CONFLICT ([[id]]) DO UPDATE SET %s WHERE excluded.[[updated]] > {{%s}}.[[updated]]",
		table, strings.Join(names, ", "), strings.Join(places, ", "), strings.Join(sets, ", "), table)
}
