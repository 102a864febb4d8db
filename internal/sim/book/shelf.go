package book

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"
)

// Shelf keeps entities in order of arrival, so that a list of the latest needs neither a sort nor a scan.
type Shelf[T any] struct {
	Rows []*T
	at   map[string]int
}

// Put adds an entity, or replaces the one with the same id.
func (s *Shelf[T]) Put(id string, v *T) {
	if i, known := s.at[id]; known {
		s.Rows[i] = v
		return
	}
	if s.at == nil {
		s.at = map[string]int{}
	}
	s.at[id] = len(s.Rows)
	s.Rows = append(s.Rows, v)
}

// Restock fills an empty shelf from a journal's rows, by time.
func (s *Shelf[T]) Restock(from map[string]*T, at func(*T) time.Time) {
	ids := slices.Sorted(maps.Keys(from))
	slices.SortStableFunc(ids, func(a, b string) int { return at(from[a]).Compare(at(from[b])) })
	for _, id := range ids {
		s.Put(id, from[id])
	}
}

// Page lists the latest first: at most limit (0 is unlimited) of those that follow the entity after.
func (s *Shelf[T]) Page(p PageAfter) ([]*T, error) {
	end := len(s.Rows)
	if p.After != "" {
		i, known := s.at[p.After]
		if !known {
			return nil, errNotListed
		}
		end = i
	}
	start := 0
	if p.Limit > 0 {
		start = max(end-p.Limit, 0)
	}
	out := append([]*T{}, s.Rows[start:end]...) // note: never nil, which would become JSON's null
	slices.Reverse(out)
	return out, nil
}

// PageAfter is ?limit=n&after=id of every list under /_sim/.
type PageAfter struct {
	Limit int
	After string
}

// errNotListed says that the entity after is not on the shelf.
var errNotListed = errors.New("after must be an id of this list")

// Newest lists a map's entries by time, the latest first.
func Newest[T any](from map[string]*T, at func(*T) time.Time, id func(*T) string) []*T {
	list := make([]*T, 0, len(from))
	for _, v := range from {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *T) int {
		return cmp.Or(at(b).Compare(at(a)), cmp.Compare(id(b), id(a)))
	})
	return list
}

// Excess is how many of the oldest must go: zero, or the surplus and a tenth more, so that it rarely happens.
func (s *Shelf[T]) Excess(most int) int {
	if len(s.Rows) <= most {
		return 0
	}
	return min(len(s.Rows)-most+most/10, len(s.Rows))
}

// Drop removes rows from a shelf; the others keep their order.
func (s *Shelf[T]) Drop(gone func(*T) bool) {
	ids := make(map[*T]string, len(s.at))
	for id, i := range s.at {
		ids[s.Rows[i]] = id
	}
	s.Rows = slices.DeleteFunc(s.Rows, gone)
	clear(s.at)
	for i, v := range s.Rows {
		s.at[ids[v]] = i
	}
}
