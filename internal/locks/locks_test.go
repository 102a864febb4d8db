package locks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestKeyedLockExcludes counts without any other protection, so that the race detector sees a lock that does not lock.
func TestKeyedLockExcludes(t *testing.T) {
	t.Parallel()
	var locks Keyed
	var done sync.WaitGroup
	counts := map[string]*int{"a": new(int), "b": new(int)}
	for i := range 200 {
		done.Go(func() {
			key := []string{"a", "b"}[i%2]
			if i%3 == 0 {
				unlock, err := locks.LockContext(t.Context(), key)
				if err != nil {
					t.Error(err)
					return
				}
				defer unlock()
			} else {
				defer locks.Lock(key)()
			}
			*counts[key]++
		})
	}
	done.Wait()
	if *counts["a"] != 100 || *counts["b"] != 100 {
		t.Errorf("got %d and %d, want 100 each", *counts["a"], *counts["b"])
	}
	if len(locks.Held) != 0 {
		t.Errorf("got %d keys kept, want none", len(locks.Held))
	}
}

func TestKeyedLockWaitsForItsKeyOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var locks Keyed
		var order []string
		var mu sync.Mutex
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		unlock := locks.Lock("a")
		go func() {
			defer locks.Lock("a")()
			note("second a")
		}()
		synctest.Wait()
		locks.Lock("b")()
		note("b")
		unlock()
		synctest.Wait()
		if got := fmt.Sprint(order); got != "[b second a]" {
			t.Errorf("got %s, want [b second a]", got)
		}
		if len(locks.Held) != 0 {
			t.Errorf("got %d keys kept, want none", len(locks.Held))
		}
	})
}

func TestKeyedLockGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var locks Keyed
		unlock := locks.Lock("a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := locks.LockContext(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("got %v after %s, want the end of the context after a minute", err, time.Since(start))
		}
		if len(locks.Held) != 1 || locks.Held["a"].Users != 1 {
			t.Errorf("got %v, want the holder only", locks.Held)
		}
		unlock()
		if len(locks.Held) != 0 {
			t.Errorf("got %d keys kept, want none", len(locks.Held))
		}
	})
}
