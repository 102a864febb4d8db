// Package queries limits the queries of everyone except superusers: at most one relation deep, short, and stopped after
// a few seconds.
package queries

import (
	"net/url"
	"strings"

	"github.com/ganigeorgiev/fexpr"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// What a query of a user may have.
const (
	mostFilterBytes = 2_000
	mostSortBytes   = 200
	mostExpandBytes = 300
	mostFieldsBytes = 500
	mostConditions  = 60 // of a filter
	mostHops        = 4  // different relations in a filter and a sort
	mostSorts       = 4
	mostExpands     = 6
)

// CheckTopic is guardQuery for the options of a realtime topic, which PocketBase evaluates at every change of a record.
func CheckTopic(e *core.RequestEvent, collection string, options map[string]string) error {
	if e.HasSuperuserAuth() {
		return nil
	}
	query := url.Values{}
	for key, value := range options {
		query.Set(key, value)
	}
	if reason := TooComplex(e.App, collection, query); reason != "" {
		return answer.With(answer.QueryComplex, "reason", reason)
	}
	return nil
}

// TooComplex says what is too much in a query; empty for nothing.
func TooComplex(app core.App, collection string, query url.Values) string {
	if len(query) == 0 {
		return ""
	}
	c, err := app.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		c = nil // one of our routes, or PocketBase reports the missing collection
	}
	check := queryCheck{collection: c, hops: map[string]bool{}}
	for _, part := range []struct {
		name  string
		bytes int
		look  func(string) string
	}{
		{"filter", mostFilterBytes, check.filter},
		{"sort", mostSortBytes, check.sort},
		{"expand", mostExpandBytes, expandTooFar},
		{"fields", mostFieldsBytes, nil},
	} {
		for _, text := range query[part.name] {
			if len(text) > part.bytes {
				return part.name + " is too long"
			}
			if part.look == nil {
				continue
			}
			if reason := part.look(text); reason != "" {
				return part.name + " " + reason
			}
		}
	}
	return ""
}

// queryCheck looks at the names in the filter and the sort of one query.
type queryCheck struct {
	collection *core.Collection // nil: not known
	hops       map[string]bool
	conditions int
}

func (q *queryCheck) filter(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	groups, err := fexpr.Parse(text)
	if err != nil {
		return "" // PocketBase reads it with the same parser, and says so
	}
	return q.groups(groups)
}

func (q *queryCheck) groups(groups []fexpr.ExprGroup) string {
	for _, group := range groups {
		reason := ""
		switch item := group.Item.(type) {
		case fexpr.Expr:
			reason = q.condition(item)
		case fexpr.ExprGroup:
			reason = q.groups([]fexpr.ExprGroup{item})
		case []fexpr.ExprGroup:
			reason = q.groups(item)
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}

func (q *queryCheck) condition(c fexpr.Expr) string {
	if q.conditions++; q.conditions > mostConditions {
		return "has too many conditions"
	}
	if reason := q.token(c.Left); reason != "" {
		return reason
	}
	return q.token(c.Right)
}

func (q *queryCheck) token(t fexpr.Token) string {
	switch t.Type {
	case fexpr.TokenIdentifier:
		return q.name(t.Literal)
	case fexpr.TokenFunction:
		arguments, _ := t.Meta.([]fexpr.Token)
		for _, a := range arguments {
			if reason := q.token(a); reason != "" {
				return reason
			}
		}
		return ""
	default: // a value
		return ""
	}
}

// name looks at the name of a field: `field`, `relation.field`, or a path inside of a JSON field.
func (q *queryCheck) name(name string) string {
	name, _, _ = strings.Cut(name, ":") // a modifier
	first, rest, isPath := strings.Cut(name, ".")
	if !isPath {
		return ""
	}
	if q.collection != nil {
		switch q.collection.Fields.GetByName(first).(type) {
		case *core.JSONField, *core.GeoPointField:
			return ""
		}
	}
	if strings.Contains(first, "_via_") {
		return "goes back over a relation"
	}
	if strings.Contains(rest, ".") {
		return "goes further than one relation"
	}
	if q.hops[first] = true; len(q.hops) > mostHops {
		return "uses too many relations"
	}
	return ""
}

func (q *queryCheck) sort(text string) string {
	names := strings.Split(text, ",")
	if len(names) > mostSorts {
		return "has too many fields"
	}
	for _, name := range names {
		if reason := q.name(strings.TrimLeft(strings.TrimSpace(name), "+-")); reason != "" {
			return reason
		}
	}
	return ""
}

func expandTooFar(text string) string {
	names := strings.Split(text, ",")
	if len(names) > mostExpands {
		return "has too many relations"
	}
	for _, name := range names {
		switch {
		case strings.Contains(name, "."):
			return "goes further than one relation"
		case strings.Contains(name, "_via_"), strings.Contains(name, "("): // the second is an old way to write the first
			return "goes back over a relation"
		}
	}
	return ""
}
