package desk

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	accountTries = 5                // wrong logins of one account before it is locked
	addressTries = 20               // and of one address, whatever the account
	firstLock    = time.Minute      // doubled with each wrong login after that
	longestLock  = 15 * time.Minute // note: longer would let anybody keep an owner out
	tryMemory    = time.Hour        // for so long wrong logins are counted together
	mostNames    = 20_000           // names that are remembered
)

// tries counts logins that have not succeeded, in bounded memory, by a name: of an account, whether there is one or not, or of an address.
type tries struct {
	mu    sync.Mutex
	names *simplelru.LRU[string, tally]
}

// tally is what is remembered of a name.
type tally struct {
	count int
	last  time.Time
	until time.Time // the lock's end
}

func newTries() *tries {
	names, err := simplelru.NewLRU[string, tally](mostNames, nil)
	if err != nil {
		panic(err) // a size of ours below 1
	}
	return &tries{names: names}
}

// allowedTries is how many wrong logins each name has, in the order in which take gets them.
var allowedTries = [...]int{accountTries, addressTries}

// take counts a login before anybody looks at its password, so that many at once have no more tries than one after the other. It gives the
// end of the lock where there is one; then nothing is counted.
func (t *tries) take(now time.Time, account, address string) (until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := [...]string{account, address}
	for _, name := range names {
		if have, _ := t.names.Get(name); now.Before(have.until) && have.until.After(until) {
			until = have.until
		}
	}
	if !until.IsZero() {
		return until
	}
	for i, name := range names {
		have, _ := t.names.Get(name)
		if now.After(have.last.Add(tryMemory)) {
			have = tally{}
		}
		have.count, have.last = have.count+1, now
		if over := have.count - allowedTries[i]; over >= 0 {
			have.until = now.Add(min(firstLock<<min(over, 10), longestLock))
		}
		t.names.Add(name, have)
	}
	return time.Time{}
}

// giveBack takes a login that was right out of the count; what was wrong before it stays for the address and is forgotten for the account.
func (t *tries) giveBack(account, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names.Remove(account)
	if have, ok := t.names.Get(address); ok {
		have.count, have.until = max(have.count-1, 0), time.Time{}
		t.names.Add(address, have)
	}
}

// pause takes back one try of an account whose password was right and whose code is still to come.
func (t *tries) pause(account, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range []string{account, address} {
		if have, ok := t.names.Get(name); ok {
			have.count, have.until = max(have.count-1, 0), time.Time{}
			t.names.Add(name, have)
		}
	}
}
