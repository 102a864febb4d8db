package realtime

import (
	"context"
	"fmt"
)

const (
	blockSize = 256       // numbers reserved at once
	pageBytes = 512 << 10 // of a page's payloads, so that a page fits into a bus message and a client's queue
)

// archive numbers messages and reads the kept ones: from the store on the primary, over the bus on an edge.
type archive struct {
	store Store // nil on an edge
	link  *link
}

// lockNumbered locks a room that has a free number. It reserves numbers in blocks, without the lock: after a crash
// there is a gap, but a number is never used twice.
func (a *archive) lockNumbered(ctx context.Context, r *room) error {
	for {
		r.mu.Lock()
		if r.sequence.next < r.sequence.limit {
			return nil
		}
		r.mu.Unlock()
		if err := a.reserve(ctx, r); err != nil {
			return err
		}
	}
}

func (a *archive) reserve(ctx context.Context, r *room) error {
	r.numbering.Lock()
	defer r.numbering.Unlock()
	r.mu.Lock()
	full := r.sequence.next < r.sequence.limit
	r.mu.Unlock()
	if full { // another goroutine was faster
		return nil
	}
	next, err := a.store.Reserve(ctx, r.name, blockSize)
	if err != nil {
		return fmt.Errorf("reserve numbers for room %s: %w", r.name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sequence.next, r.sequence.limit = next, next+blockSize
	if !r.known {
		r.begin(next - 1)
	}
	return nil
}

func (a *archive) page(ctx context.Context, r *room, after int64, limit int) (page, error) {
	if r.primary {
		return a.pageHere(ctx, r, after, limit)
	}
	if err := a.learnHead(ctx, r); err != nil {
		return page{}, err
	}
	return a.link.askPage(ctx, pageAsk{Room: r.name, After: after, Limit: limit})
}

// pageHere reads a page from the store, committed messages only.
func (a *archive) pageHere(ctx context.Context, r *room, after int64, limit int) (page, error) {
	found, err := a.store.After(ctx, r.name, after, limit+1)
	if err != nil {
		return page{}, fmt.Errorf("read history of room %s: %w", r.name, err)
	}
	p := page{Messages: found}
	r.mu.Lock()
	p.Last = r.last
	r.mu.Unlock()
	if after > 0 && len(found) > 0 && found[0].Seq > after+1 {
		// note: numbers may be missing because of a crash. Messages are lost only if the client's last one is no longer
		// kept.
		had, err := a.store.After(ctx, r.name, after-1, 1)
		if err != nil {
			return page{}, fmt.Errorf("read history of room %s: %w", r.name, err)
		}
		if len(had) == 0 || had[0].Seq != after {
			p.First = found[0].Seq
		}
	}
	return p.cut(limit), nil
}

// learnHead sets the newest number of an edge's room to the primary's.
func (a *archive) learnHead(ctx context.Context, r *room) error {
	r.mu.Lock()
	known := r.known
	r.mu.Unlock()
	if known {
		return nil
	}
	p, err := a.link.askPage(ctx, pageAsk{Room: r.name})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known && p.Last != unnumbered {
		r.begin(p.Last)
	}
	return nil
}

// cut shortens a page to its limits, but keeps at least one message.
func (p page) cut(limit int) page {
	bytes := 0
	for i, m := range p.Messages {
		bytes += len(m.Payload)
		if i == limit || i > 0 && bytes > pageBytes {
			p.Messages, p.More = p.Messages[:i], true
			return p
		}
	}
	return p
}
