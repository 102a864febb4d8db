package moving

import (
	"slices"
	"strings"
	"time"
)

// CloudBase is what the console of 云开发 exports: a file of JSON lines for each collection.
type CloudBase struct{ Folder *Folder }

// Label is "cloudbase".
func (CloudBase) Label() string { return "cloudbase" }

// Prefix is "cb_".
func (CloudBase) Prefix() string { return "cb_" }

// People is empty: a row's _openid names its maker, who becomes a user.
func (CloudBase) People() string { return "" }

// Classes lists what the export holds.
func (c CloudBase) Classes() ([]string, error) { return c.Folder.Classes(), nil }

// Rows reads a collection.
func (c CloudBase) Rows(class string, yield func(Row) error) error {
	return c.Folder.Objects(class, func(o object) error { return yield(cloudRow(o)) })
}

func cloudRow(o object) Row {
	row := Row{OpenID: textOf(o["_openid"]), Fields: map[string]any{}}
	row.ID, _ = typed(o["_id"]).(string)
	row.Created = cloudTime(o, "_createTime", "createTime", "createdAt", "created_at")
	row.Updated = cloudTime(o, "_updateTime", "updateTime", "updatedAt", "updated_at")
	for key, v := range o {
		if v == nil || slices.Contains([]string{"_id", "_openid", "_createTime", "_updateTime"}, key) {
			continue
		}
		v = typed(v)
		if id, ok := v.(string); ok && strings.HasPrefix(id, "cloud://") {
			v = File{ID: shortID("file", id), Name: id[strings.LastIndex(id, "/")+1:], URL: id}
		}
		row.Fields[key] = v
	}
	return row
}

// cloudTime is the first of the keys that holds a time. CloudBase itself keeps none; these names are customs.
func cloudTime(o object, keys ...string) (at time.Time) {
	for _, key := range keys {
		if at, ok := timeOf(o[key]); ok && at.Year() > 2000 {
			return at
		}
	}
	return at
}
