package main

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// rowNames is the order of the table.
var rowNames = []string{
	"login new", "login returning", "phone", "order", "pay first", "notify", "notify repeated", "orders of a user", "products", "code known", "health",
}

// enough orders for the rows that use each of them once.
const enough = 12_000

// rowsOf are the rows of a shop, in the order in which they need each other.
func rowsOf(p *shop) []row {
	var numbers, paid []string
	var at sync.Mutex
	next := func() (string, bool) {
		at.Lock()
		defer at.Unlock()
		if len(numbers) == 0 {
			return "", false
		}
		number := numbers[0]
		numbers, paid = numbers[1:], append(paid, number)
		return number, true
	}
	return []row{
		{"login new", p.open, func(int64) error { return p.discard(p.login("new" + strconv.FormatInt(p.fresh.Add(1), 10))) }},
		{"login returning", p.open, func(n int64) error { return p.discard(p.login("known" + strconv.FormatInt(n%people, 10))) }},
		{"phone", p.open, p.phone},
		{"order", p.open, p.order},
		{"pay first", p.fill, p.pay},
		{"notify", func() (err error) {
			if err := p.prepay(); err != nil {
				return err
			}
			numbers, err = p.numbers()
			return err
		}, func(int64) error {
			number, ok := next()
			if !ok {
				return errOut
			}
			return p.notify(number)
		}},
		{"notify repeated", nil, func(n int64) error {
			if len(paid) == 0 {
				return errOut
			}
			return p.notify(paid[n%int64(min(len(paid), 1_000))])
		}},
		{"orders of a user", p.open, func(n int64) error {
			return p.s.call(http.MethodGet, "/api/collections/orders/records?sort=-created&perPage=20&skipTotal=1", p.tokenOf(n), nil, nil)
		}},
		{"products", p.open, func(n int64) error {
			return p.s.call(http.MethodGet, "/api/collections/products/records?perPage=20&filter="+url.QueryEscape("active=true"), p.tokenOf(n), nil, nil)
		}},
		{"code known", p.open, func(n int64) error {
			return p.s.call(http.MethodPost, "/api/wx/codes", p.tokenOf(n), map[string]any{"page": "pages/index/index", "scene": "bench"}, nil)
		}},
		{"health", nil, func(int64) error { return p.s.call(http.MethodGet, "/api/health", "", nil, nil) }},
	}
}

func (p *shop) discard(_ string, err error) error { return err }

// fill makes orders until there are enough unpaid ones.
func (p *shop) fill() error {
	if err := p.open(); err != nil {
		return err
	}
	return p.many(enough-p.unpaid.len(), p.order)
}

// prepay asks to pay enough orders.
func (p *shop) prepay() error {
	lacking := enough - p.waiting.len()
	if err := p.open(); err != nil {
		return err
	}
	if err := p.many(lacking-p.unpaid.len(), p.order); err != nil {
		return err
	}
	if err := p.many(lacking, p.pay); err != nil {
		return err
	}
	p.waiting.mu.Lock()
	defer p.waiting.mu.Unlock()
	p.waiting.items = nil
	return nil
}

// many calls a function so many times, 32 at a time.
func (p *shop) many(n int, do func(int64) error) error {
	var wg sync.WaitGroup
	work, failed := make(chan int64), make(chan error, 32)
	for range 32 {
		wg.Go(func() {
			for i := range work {
				if err := do(i); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	for i := range n {
		work <- int64(i)
	}
	close(work)
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
