package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// kill ends the server by SIGKILL under full load, again and again, and then looks whether everything that was answered is there, once.
func kill(c config) error {
	s, err := start(c)
	if err != nil {
		return err
	}
	defer s.stop()
	p := newShop(s)
	if err := p.open(); err != nil {
		return err
	}
	var answered sync.Map // keys of orders, with their ids
	var sent, lost atomic.Int64
	for n := range c.kills {
		if err := killOnce(c, p, &answered, &sent, &lost); err != nil {
			return fmt.Errorf("death %d: %w", n+1, err)
		}
	}
	return p.look(&answered, sent.Load(), lost.Load())
}

// killOnce sends orders until the process dies, and starts it again.
func killOnce(c config, p *shop, answered *sync.Map, sent, lost *atomic.Int64) error {
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for range c.loops {
		wg.Go(func() {
			for {
				n := sent.Add(1)
				key := "kill-" + strconv.FormatInt(n, 10)
				var made struct{ ID string }
				err := p.s.call(http.MethodPost, "/api/wx/orders", p.tokenOf(n), map[string]any{
					"items": []any{map[string]any{"product": p.product, "quantity": 1}}, "key": key,
				}, &made)
				if err == nil {
					answered.Store(key, made.ID)
					continue
				}
				if !isCut(err) {
					failed.CompareAndSwap(nil, &err)
				}
				lost.Add(1)
				return
			}
		})
	}
	time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
	p.s.die()
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return p.s.launch()
}

// isCut tells whether a request had no answer because the process died.
func isCut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.EPIPE)
}

// look compares what was answered with what is there.
func (p *shop) look(answered *sync.Map, sent, lost int64) error {
	there := map[string]string{}
	for page := 1; ; page++ {
		var answer struct{ Items []struct{ ID, Key string } }
		path := "/api/collections/orders/records?skipTotal=1&perPage=500&fields=id,key&sort=id&page=" + strconv.Itoa(page) + "&filter=" + url.QueryEscape(`key != ""`)
		if err := p.s.call(http.MethodGet, path, p.s.token, nil, &answer); err != nil {
			return err
		}
		for _, item := range answer.Items {
			if other, twice := there[item.Key]; twice {
				return fmt.Errorf("key %s is there twice: %s and %s", item.Key, other, item.ID)
			}
			there[item.Key] = item.ID
		}
		if len(answer.Items) < 500 {
			break
		}
	}
	count, missing := 0, 0
	answered.Range(func(key, id any) bool {
		if count++; there[key.(string)] != id.(string) { //nolint:forcetypeassert // what killOnce stores
			missing++
		}
		return true
	})
	fmt.Printf("%d orders sent, %d answered, %d cut off, %d there, %d answered and missing\n", sent, count, lost, len(there), missing)
	if missing > 0 || count == 0 {
		return fmt.Errorf("%d of %d answered orders are missing", missing, count)
	}
	return nil
}
