package limit

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/time/rate"
)

const (
	guardKeys = 50_000          // users or addresses that a guard remembers
	guardLife = 2 * time.Minute // a bucket is full again after one, so that a quiet key is forgotten without a loss
)

// Minute bounds what a key may do in a minute, in memory, by a bucket that holds as many as a minute gives. The zero value is ready.
type Minute struct {
	mu      sync.Mutex
	buckets *expirable.LRU[string, *rate.Limiter]
}

// Allow takes one of most per minute, and tells whether there was one. A negative most is unlimited. A refusal is not
// counted.
func (g *Minute) Allow(key string, most int, at time.Time) bool {
	if most < 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.buckets == nil {
		g.buckets = expirable.NewLRU[string, *rate.Limiter](guardKeys, nil, guardLife)
	}
	bucket, ok := g.buckets.Get(key)
	if !ok || bucket.Burst() != most {
		bucket = rate.NewLimiter(rate.Limit(float64(most)/60), most)
	}
	g.buckets.Add(key, bucket) // note: this is what keeps it from being forgotten
	return bucket.AllowN(at, 1)
}

// Widen is what an address counts as: itself, and of IPv6 the whole /64, which is what one subscriber gets.
func Widen(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

// Sender is whom a request counts for.
func Sender(e *core.RequestEvent) string {
	if e.Auth != nil {
		return e.Auth.Id
	}
	return Widen(e.RealIP())
}
