package wechat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/wechat"
)

// stable is stable_token as documented (facts 5.3): the normal mode returns one token with the rest of its life and
// makes the next one five minutes before the end, while the old one still works; the forced mode ends the old one at
// once; it refuses a second forced renewal within 30 s, and the 21st in a day. Every answer takes some time, to provoke
// races.
type stable struct {
	took time.Duration

	mu     sync.Mutex
	made   int
	cur    string
	alive  map[string]time.Time // tokens that work, and until when
	normal int
	forced []time.Time
	early  int // forced renewals within the 30 s
}

func (s *stable) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.took)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/cgi-bin/stable_token" {
		return s.tell(r), nil
	}
	token := r.URL.Query().Get("access_token")
	if until, ok := s.alive[token]; !ok || !time.Now().Before(until) {
		return say(`{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest"}`), nil
	}
	return say(`{"errcode":0,"errmsg":"ok"}`), nil
}

func (s *stable) tell(r *http.Request) *http.Response {
	var body struct {
		ForceRefresh bool `json:"force_refresh"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	if body.ForceRefresh {
		if n := len(s.forced); n > 0 && time.Since(s.forced[n-1]) < 30*time.Second {
			s.early++
			return say(`{"errcode":45011}`)
		}
		s.forced = append(s.forced, time.Now())
		s.mint(true)
	} else {
		s.normal++
		if s.cur == "" || time.Until(s.ends(s.cur)) <= 5*time.Minute {
			s.mint(false)
		}
	}
	left := int(time.Until(s.ends(s.cur)).Seconds())
	return say(fmt.Sprintf(`{"access_token":%q,"expires_in":%d}`, s.cur, left))
}

// ends is when a token would end by itself; a killed one keeps its end, and the normal mode still returns it.
func (s *stable) ends(token string) time.Time {
	if until, ok := s.alive[token]; ok {
		return until
	}
	return time.Now().Add(time.Hour)
}

func (s *stable) mint(kill bool) {
	if kill || s.alive == nil {
		s.alive = map[string]time.Time{}
	}
	s.made++
	s.cur = fmt.Sprint("70_stable_", s.made)
	s.alive[s.cur] = time.Now().Add(2 * time.Hour)
}

// renew is the owner's renewal by hand: another token, and the old one is dead.
func (s *stable) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mint(true)
}

// stick kills the current token while the normal mode still returns it: only force helps.
func (s *stable) stick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.alive, s.cur)
}

func (s *stable) asked() (normal, forced int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.normal, len(s.forced)
}

// crowd makes n concurrent calls in each of the processes; all must succeed.
func crowd(t *testing.T, n int, processes ...*wechat.Client) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range processes {
		for range n {
			wg.Go(func() {
				if err := ask(t.Context(), c); err != nil {
					t.Errorf("got %v, want no call to fail", err)
				}
			})
		}
	}
	wg.Wait()
}

// pair makes two clients on one store. They stand for two processes that share nothing else.
func pair(s *stable, store wechat.TokenStore) (a, b *wechat.Client) {
	draw := func(x float64) wechat.Option { return wechat.WithJitter(func() float64 { return x }) }
	return clientOf(s.RoundTrip, wechat.WithTokenStore(store), draw(0.9)),
		clientOf(s.RoundTrip, wechat.WithTokenStore(store), draw(0.1))
}

func TestTwoProcessesDoNotFight(t *testing.T) {
	t.Parallel()
	type count struct{ normal, forced int }
	scenarios := []struct {
		name  string
		death func(*stable)
		want  count // the allowed cost of each death, in both processes together
	}{
		{"token renewed by hand", (*stable).renew, count{1, 0}},
		{"dead token that WeChat still tells", (*stable).stick, count{1, 1}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				up := &stable{took: 50 * time.Millisecond}
				a, b := pair(up, wechat.NewMemoryTokenStore())
				crowd(t, 50, a, b)
				if normal, forced := up.asked(); normal != 1 || forced != 0 {
					t.Fatalf("got %d and %d token calls to begin with, want 1 and 0", normal, forced)
				}
				for range 10 {
					time.Sleep(31 * time.Second)
					normal, forced := up.asked()
					s.death(up)
					crowd(t, 50, a, b)
					crowd(t, 50, a, b) // the dead one must not come back
					gotNormal, gotForced := up.asked()
					if got := (count{gotNormal - normal, gotForced - forced}); got != s.want {
						t.Errorf("got %+v token calls for a death, want %+v", got, s.want)
					}
				}
			})
		})
	}
}

// a process that missed a renewal meets two dead tokens in a row: its own, and the one that the other process saved.
func TestProcessThatMissedARenewal(t *testing.T) {
	t.Parallel()
	for name, death := range map[string]func(*stable){"by hand": (*stable).renew, "still told": (*stable).stick} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				up := &stable{took: 50 * time.Millisecond}
				awake, asleep := pair(up, wechat.NewMemoryTokenStore())
				crowd(t, 20, awake, asleep)
				time.Sleep(time.Minute)
				up.renew()
				crowd(t, 20, awake)
				time.Sleep(time.Minute)
				death(up)
				crowd(t, 20, asleep)
				crowd(t, 20, awake, asleep)
			})
		})
	}
}

// half a day of two processes that renew early: no refusals, no force, and a token call or two each.
func TestTwoProcessesRenewInPeace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		up := &stable{took: 50 * time.Millisecond}
		a, b := pair(up, wechat.NewMemoryTokenStore())
		for range 12 * 60 * 2 {
			crowd(t, 2, a, b)
			time.Sleep(30 * time.Second)
		}
		normal, forced := up.asked()
		if forced != 0 || up.made != 7 {
			t.Errorf("got %d tokens, %d by force, want 7 in 12 hours and none", up.made, forced)
		}
		if normal > 1+6*4 {
			t.Errorf("got %d token calls for %d tokens, want at most four each", normal, up.made)
		}
	})
}

// plain is a store that cannot lock.
type plain struct{ wechat.TokenStore }

// without a lock both may ask at once; that costs a token call, and every call succeeds.
func TestTwoProcessesWithoutALock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		up := &stable{took: 50 * time.Millisecond}
		a, b := pair(up, plain{wechat.NewMemoryTokenStore()})
		crowd(t, 50, a, b)
		for n := range 10 {
			time.Sleep(31 * time.Second)
			up.renew()
			crowd(t, 50, a, b)
			if normal, forced := up.asked(); normal > 2*(n+2) || forced != 0 {
				t.Fatalf("got %d token calls, %d forced, want at most two for each death", normal, forced)
			}
		}
	})
}

// a lock that is never released must not stop the calls: a process may have died with it.
func TestLockThatIsNotToBeHad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		up, store := &stable{}, wechat.NewMemoryTokenStore()
		if _, err := store.LockToken(t.Context(), appID); err != nil {
			t.Fatal(err)
		}
		a, _ := pair(up, store)
		start := time.Now()
		crowd(t, 10, a)
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("got a token after %v, want 5s", got)
		}
	})
}

func TestMemoryTokenStoreLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := wechat.NewMemoryTokenStore()
		unlock, err := s.LockToken(t.Context(), appID)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := s.LockToken(t.Context(), "another"); err != nil {
			t.Errorf("got %v, want another app's lock to be free", err)
		} else {
			other()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.LockToken(ctx, appID); err == nil {
			t.Error("got the lock twice")
		}
		unlock()
		if _, err := s.LockToken(t.Context(), appID); err != nil {
			t.Errorf("got %v, want the lock that was given back", err)
		}
	})
}
