package sim

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// seller is one merchant: its keys, and WeChat Pay's key pairs for it. Merchants share no keys, so that a client that
// confuses them fails here too.
type seller struct {
	*keyring
	platform atomic.Pointer[platformCerts]
	apps     []string // the mini programs that it is bound to; empty means all
}

// newSeller parses a keyFile.
func newSeller(f keyFile, apps []string) (*seller, error) {
	keys, err := parseKeys(f)
	if err != nil {
		return nil, err
	}
	certs, err := parsePlatform(f)
	if err != nil {
		return nil, err
	}
	m := &seller{keyring: keys, apps: apps}
	m.platform.Store(certs)
	return m, nil
}

// isBound tells whether the merchant may sell in a mini program.
func (m *seller) isBound(appid string) bool {
	return len(m.apps) == 0 || slices.Contains(m.apps, appid)
}

// sellers lists all merchants, the oldest first. It is immutable: a longer list replaces it.
type sellers []*seller

// by finds the merchant of a number, nil without one.
func (list sellers) by(mchID string) *seller {
	for _, m := range list {
		if m.MchID == mchID {
			return m
		}
	}
	return nil
}

// allSellers are the merchants there are.
func (s *Sim) allSellers() sellers { return *s.merchants.Load() }

// firstSeller is the merchant of keys.json.
func (s *Sim) firstSeller() *seller { return s.allSellers()[0] }

// sellerOf is the merchant of a number; the first one for an unknown number, which an imported state may contain.
func (s *Sim) sellerOf(mchID string) *seller {
	if m := s.allSellers().by(mchID); m != nil {
		return m
	}
	return s.firstSeller()
}

// sellerFor is the merchant in a request to the control API; by default the first.
func (s *Sim) sellerFor(mchID string) (*seller, error) {
	if mchID == "" {
		return s.firstSeller(), nil
	}
	if m := s.allSellers().by(mchID); m != nil {
		return m, nil
	}
	return nil, notThere("no merchant has this mchid")
}

// orderOf finds an order for the control API: of the named merchant, or of the first that has this number. The caller
// holds s.mu.
func (s *Sim) orderOf(mchID, number string, now time.Time) (*order, error) {
	for _, m := range s.allSellers() {
		if mchID != "" && m.MchID != mchID {
			continue
		}
		if o, err := s.findOrder(m.MchID, number, now); o != nil || err != nil {
			return o, err
		}
	}
	return nil, nil
}

// hasSerial compares a serial_no with the merchant's certificate. note: WeChat Pay accepts both cases.
func (m *seller) hasSerial(serial string) bool { return strings.EqualFold(serial, m.merchantSerial) }
