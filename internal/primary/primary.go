// Package primary is what a process with a database does for its *edges*: it signs the *tickets* with which they admit
// people, publishes the key, and connects the rooms of all processes over Redis.
package primary

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/metrics"
	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/realtime/ticket"
	"wxbase/internal/rooms"
	"wxbase/internal/settings"
)

// keyParam is the row of _params that holds the private key.
const keyParam = "wx_edge_key"

// Deps is what a primary needs of the rest.
type Deps struct {
	App      core.App
	Now      func() time.Time
	Accounts *accounts.Accounts
	Rooms    *rooms.Rooms
	Metrics  *metrics.Metrics
	Env      func(string) string
	RedisURL string    // of the configuration; WXBASE_REDIS_URL wins over it
	Out      io.Writer // where a warning at the start goes
}

// Primary is this process to its edges. The key that signs the tickets is read when it is first needed, made when there is none, and stays
// the same over restarts, so that edges need not ask again.
type Primary struct {
	Deps

	mu     sync.Mutex
	signer *ticket.Signer

	edges []string      // public addresses of the edges
	bus   *redisbus.Bus // nil: this is the only process
}

// New makes one; Join reads the configuration.
func New(deps Deps) *Primary { return &Primary{Deps: deps} }

// Signer opens the key.
func (p *Primary) Signer() (*ticket.Signer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signer != nil {
		return p.signer, nil
	}
	var signer *ticket.Signer
	err := p.App.RunInTransaction(func(tx core.App) (err error) { // of two processes on one folder one makes it
		signer, err = p.openKey(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open key of the edges: %w", err)
	}
	p.signer = signer
	return signer, nil
}

func (p *Primary) openKey(tx core.App) (*ticket.Signer, error) {
	plain, err := accounts.LoadParam(tx, p.Accounts.Settings.Vault(), keyParam)
	switch {
	case errors.Is(err, settings.ErrSealed), errors.Is(err, accounts.ErrParamDamaged):
		p.App.Logger().Warn("The key of the edges cannot be opened with this secret key; a new one is made. Edges fetch it by themselves.")
		plain = ""
	case err != nil:
		return nil, err
	}
	if seed, err := base64.StdEncoding.DecodeString(plain); plain != "" && err == nil {
		if signer, err := ticket.NewSigner(seed); err == nil {
			return signer, nil
		}
	}
	seed, err := ticket.NewSeed()
	if err != nil {
		return nil, err
	}
	if err := accounts.SaveParam(tx, p.Accounts.Settings.Vault(), keyParam, base64.StdEncoding.EncodeToString(seed)); err != nil {
		return nil, err
	}
	return ticket.NewSigner(seed)
}

// ShowKey handles GET /api/wx/edges/key: the public key as a JWK set (RFC 7517), for edges. Anyone may read it.
func (p *Primary) ShowKey(e *core.RequestEvent) error {
	signer, err := p.Signer()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	e.Response.Header().Set("Cache-Control", "no-store") // a new key must be seen at once
	return e.Blob(http.StatusOK, "application/json", signer.PublicKeys())
}
