// Package tokens remembers for some seconds which person a token belongs to. PocketBase reads the person and checks the
// signature at each request; under load that is a tenth of the cost of an order.
package tokens

import (
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/security"
)

// Limits of the memory.
const (
	kept = 4096             // tokens; one costs about 2 KB
	life = 10 * time.Second // after which the person is read again, whatever has changed them: another process, or SQL that tells nobody
)

// Memory knows the people behind tokens that were good a moment ago. A person who is saved or deleted is forgotten at once: a sign-out, a block
// and a new password hold from the answer that confirms them.
type Memory struct {
	known *expirable.LRU[string, person] // by token
	now   func() time.Time

	mu      sync.Mutex
	clock   uint64                         // counts what was forgotten
	changed *simplelru.LRU[string, uint64] // by person: when they were forgotten, for who is reading them just now
	tokens  map[string][]string            // of each person
}

type person struct {
	record *core.Record
	ends   time.Time // of the token
}

// New makes a memory that forgets whom the app saves.
func New(app core.App) *Memory {
	m := &Memory{now: time.Now, tokens: map[string][]string{}}
	m.changed, _ = simplelru.NewLRU[string, uint64](kept, nil) // fails for no size only
	m.known = expirable.NewLRU(kept, func(token string, p person) { m.drop(token, p.record) }, life)
	// note: a handler for each, because a hook with tags changes the handler that it is given
	for _, hooks := range []*hook.TaggedHook[*core.RecordEvent]{app.OnRecordAfterUpdateSuccess(), app.OnRecordAfterDeleteSuccess()} {
		hooks.Bind(&hook.Handler[*core.RecordEvent]{Id: "wxForgetToken", Priority: -999, Func: func(e *core.RecordEvent) error {
			m.Forget(e.Record)
			return e.Next()
		}})
	}
	for _, hooks := range []*hook.TaggedHook[*core.CollectionEvent]{app.OnCollectionAfterUpdateSuccess(), app.OnCollectionAfterDeleteSuccess()} {
		hooks.Bind(&hook.Handler[*core.CollectionEvent]{Id: "wxForgetTokens", Priority: -999, Func: func(e *core.CollectionEvent) error {
			m.purge()
			return e.Next()
		}})
	}
	return m
}

// Handler knows a caller before PocketBase looks for them. A token that is not good is left to PocketBase.
func (m *Memory) Handler() *hook.Handler[*core.RequestEvent] {
	return &hook.Handler[*core.RequestEvent]{
		Id: "wxTokens", Priority: apis.DefaultLoadAuthTokenMiddlewarePriority - 1,
		Func: func(e *core.RequestEvent) error {
			if e.Auth == nil {
				e.Auth = m.find(e.App, tokenOf(e))
			}
			return e.Next()
		},
	}
}

// tokenOf reads the header as PocketBase does.
func tokenOf(e *core.RequestEvent) string {
	token := e.Request.Header.Get("Authorization")
	if len(token) > 7 && strings.EqualFold(token[:7], "Bearer ") {
		return token[7:]
	}
	return token
}

// find is nil for an invalid token. Each caller gets a separate record.
func (m *Memory) find(app core.App, token string) *core.Record {
	if token == "" {
		return nil
	}
	if p, ok := m.known.Get(token); ok && m.now().Before(p.ends) {
		return p.record.Fresh()
	}
	m.mu.Lock()
	began := m.clock
	m.mu.Unlock()
	record, err := app.FindAuthRecordByToken(token, core.TokenTypeAuth)
	if err != nil {
		return nil
	}
	m.keep(token, record, began)
	return record
}

// keep remembers a person, unless they changed while they were read.
func (m *Memory) keep(token string, record *core.Record, began uint64) {
	claims, err := security.ParseUnverifiedJWT(token)
	if err != nil {
		return
	}
	ends, err := claims.GetExpirationTime()
	if err != nil || ends == nil {
		return
	}
	m.known.Add(token, person{record.Fresh(), ends.Time}) // note: before checking for changes, so that a later Forget finds it
	m.mu.Lock()
	at, did := m.changed.Get(key(record))
	stale := did && at > began || m.purgedSince(began)
	if !stale {
		m.tokens[key(record)] = append(m.tokens[key(record)], token)
	}
	m.mu.Unlock()
	if stale {
		m.known.Remove(token)
	}
}

// everybody is the key under which a purge is noted.
const everybody = ""

func (m *Memory) purgedSince(began uint64) bool {
	at, did := m.changed.Get(everybody)
	return did && at > began
}

// Forget makes the next request of a person read them again.
func (m *Memory) Forget(record *core.Record) {
	if !record.Collection().IsAuth() {
		return
	}
	m.mu.Lock()
	m.clock++
	m.changed.Add(key(record), m.clock)
	theirs := m.tokens[key(record)]
	delete(m.tokens, key(record))
	m.mu.Unlock()
	for _, token := range theirs {
		m.known.Remove(token)
	}
}

func (m *Memory) purge() {
	m.mu.Lock()
	m.clock++
	m.changed.Add(everybody, m.clock)
	m.tokens = map[string][]string{}
	m.mu.Unlock()
	m.known.Purge()
}

// drop notes that a token has left the memory by itself.
func (m *Memory) drop(token string, record *core.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	theirs := m.tokens[key(record)]
	for i, t := range theirs {
		if t == token {
			theirs = append(theirs[:i:i], theirs[i+1:]...)
			break
		}
	}
	if len(theirs) == 0 {
		delete(m.tokens, key(record))
		return
	}
	m.tokens[key(record)] = theirs
}

func key(record *core.Record) string { return record.Collection().Id + "/" + record.Id }
