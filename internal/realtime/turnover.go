package realtime

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"golang.org/x/time/rate"
)

const (
	turnoverUsers = 20_000
	turnoverLife  = 2 * time.Minute // after which a bucket is full again
)

// Turnover limits how often a user's new connections replace old ones. A replacement frees the place of a connection
// that a phone left silently; but a living client that is closed returns at once, and without a limit six of them would
// replace each other endlessly. The zero value is ready.
type Turnover struct {
	mu    sync.Mutex
	users *expirable.LRU[string, *rate.Limiter]
}

// Allow uses up one of most replacements a minute.
func (t *Turnover) Allow(user string, most int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users == nil {
		t.users = expirable.NewLRU[string, *rate.Limiter](turnoverUsers, nil, turnoverLife)
	}
	bucket, ok := t.users.Get(user)
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(float64(most)/60), most)
	}
	t.users.Add(user, bucket)
	return bucket.Allow()
}
