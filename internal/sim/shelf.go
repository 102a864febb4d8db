package sim

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// shelf keeps entities in the order in which they came, so that a list of the latest needs no sort and no walk over all.
type shelf[T any] struct {
	rows []*T
	at   map[string]int
}

// put adds an entity, or takes the place of the one with the same id.
func (s *shelf[T]) put(id string, v *T) {
	if i, known := s.at[id]; known {
		s.rows[i] = v
		return
	}
	if s.at == nil {
		s.at = map[string]int{}
	}
	s.at[id] = len(s.rows)
	s.rows = append(s.rows, v)
}

// restock fills an empty shelf with what a journal gave, by time.
func (s *shelf[T]) restock(from map[string]*T, at func(*T) time.Time) {
	ids := sortedKeys(from)
	slices.SortStableFunc(ids, func(a, b string) int { return at(from[a]).Compare(at(from[b])) })
	for _, id := range ids {
		s.put(id, from[id])
	}
}

// page lists the latest first: at most limit (0 is no limit) of those that follow the entity named after in this order.
func (s *shelf[T]) page(p listPage) ([]*T, error) {
	end := len(s.rows)
	if p.after != "" {
		i, known := s.at[p.after]
		if !known {
			return nil, badInput("after must be an id of this list")
		}
		end = i
	}
	start := 0
	if p.limit > 0 {
		start = max(end-p.limit, 0)
	}
	out := append([]*T{}, s.rows[start:end]...) // note: never nil, which JSON would tell as null
	slices.Reverse(out)
	return out, nil
}

// listPage is ?limit=n&after=id of every list under /_sim/.
type listPage struct {
	limit int
	after string
}

// readPage checks the two words; prefix is what an id carries in the books and not on the wire.
func readPage(query url.Values, prefix string) (listPage, error) {
	p := listPage{after: query.Get("after")}
	if p.after != "" {
		p.after = prefix + p.after
	}
	limit := query.Get("limit")
	if limit == "" {
		return p, nil
	}
	n, err := strconv.Atoi(limit)
	if err != nil || n < 1 {
		return p, badInput("limit must be a number from 1")
	}
	p.limit = n
	return p, nil
}

// newest lists a map's entries by time, the latest first.
func newest[T any](from map[string]*T, at func(*T) time.Time, id func(*T) string) []*T {
	list := make([]*T, 0, len(from))
	for _, v := range from {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *T) int {
		return cmp.Or(at(b).Compare(at(a)), cmp.Compare(id(b), id(a)))
	})
	return list
}
