package hooks

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/realtime/ticket"
	"wxbase/internal/settings"
)

// edgeKeyParam is the row of _params that holds the private key.
const edgeKeyParam = "wx_edge_key"

// edgeKey signs the tickets that edges admit people by. It is read when it is first needed, made when there is none, and stays the same
// over restarts, so that edges need not ask again.
type edgeKey struct {
	mu     sync.Mutex
	signer *ticket.Signer
}

func (p *Plugin) ticketSigner() (*ticket.Signer, error) {
	p.edgeKey.mu.Lock()
	defer p.edgeKey.mu.Unlock()
	if p.edgeKey.signer != nil {
		return p.edgeKey.signer, nil
	}
	var signer *ticket.Signer
	err := p.app.RunInTransaction(func(tx core.App) (err error) { // of two processes on one folder one makes it
		signer, err = p.openEdgeKey(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open key of the edges: %w", err)
	}
	p.edgeKey.signer = signer
	return signer, nil
}

func (p *Plugin) openEdgeKey(tx core.App) (*ticket.Signer, error) {
	plain, err := loadParam(tx, p.settings.Vault(), edgeKeyParam)
	switch {
	case errors.Is(err, settings.ErrSealed), errors.Is(err, errParamDamaged):
		p.app.Logger().Warn("The key of the edges cannot be opened with this secret key; a new one is made. Edges fetch it by themselves.")
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
	if err := saveParam(tx, p.settings.Vault(), edgeKeyParam, base64.StdEncoding.EncodeToString(seed)); err != nil {
		return nil, err
	}
	return ticket.NewSigner(seed)
}

// showEdgeKey handles GET /api/wx/edges/key: the public key as a JWK set (RFC 7517), for edges. Anyone may read it.
func (p *Plugin) showEdgeKey(e *core.RequestEvent) error {
	signer, err := p.ticketSigner()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	e.Response.Header().Set("Cache-Control", "no-store") // a new key must be seen at once
	return e.Blob(http.StatusOK, "application/json", signer.PublicKeys())
}
