package sim

import (
	"maps"
	"net/http"
	"strings"

	"github.com/labstack/echo/v5"
)

// The quotas of a mini program, by the names of /_sim/quotas.
const (
	quotaCodes     = "codesPerMinute"      // getwxacodeunlimit
	quotaCounted   = "countedCodes"        // getwxacode and createwxaqrcode together, in all
	quotaUnchecked = "uncheckedPages"      // of codes with check_path false to unpublished pages, in all
	quotaLinkRate  = "linksPerSecond"      // schemes and URL links together
	quotaLinks     = "linksPerDay"         // schemes and URL links together
	quotaOpens     = "opensPerDay"         // of schemes and URL links together
	quotaShorts    = "shortLinksPerDay"    // short links
	quotaPermanent = "permanentShortLinks" // in all
	quotaTextRate  = "textsPerMinute"      // msg_sec_check
	quotaTexts     = "textsPerDay"
	quotaMediaRate = "mediaPerMinute" // media_check_async
	quotaMedia     = "mediaPerDay"
	quotaSameMedia = "sameMediaPerMinute" // one media_url; WeChat tells no number
	quotaPhones    = "phoneNumbers"       // of the phone number button, as bought, for ever
	quotaCalls     = "callsPerDay"        // of one path with an access_token; WeChat's numbers differ by path and are not published
)

// officialQuotas are WeChat's own numbers.
func officialQuotas() map[string]int {
	return map[string]int{
		quotaCodes: 5000, quotaCounted: 100_000, quotaUnchecked: 60_000,
		quotaLinkRate: 100, quotaLinks: 500_000, quotaOpens: 3_000_000, quotaShorts: 10_000_000, quotaPermanent: 100_000,
		quotaTextRate: 4000, quotaTexts: 2_000_000, quotaMediaRate: 2000, quotaMedia: 200_000, quotaSameMedia: 10, quotaPhones: 1_000_000, quotaCalls: 10_000_000,
	}
}

// quotaRow holds the quotas that differ from WeChat's.
type quotaRow map[string]int

func (quotaRow) Entity() (kind, id string) { return "quotas", "quotas" }

// quotaTable holds the changed quotas.
type quotaTable struct{ quotas quotaRow }

func (t *quotaTable) register(r *registry) {
	t.quotas = quotaRow{}
	rememberOne(r, &t.quotas)
}

// quota is the present limit. The caller holds s.mu.
func (s *Sim) quota(name string) int {
	if own, set := s.state.quotas[name]; set {
		return own
	}
	return officialQuotas()[name]
}

// quotas lists all limits in force.
func (s *Sim) quotas() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := officialQuotas()
	maps.Copy(all, s.state.quotas)
	return all
}

// changeQuotas is POST /_sim/quotas: {"countedCodes": 5}, so that a test reaches a limit that is a hundred thousand at
// WeChat. Omitted quotas stay.
func (s *Sim) changeQuotas(c *echo.Context) error {
	var in map[string]int
	if err := readInput(c, &in); err != nil {
		return err
	}
	official := officialQuotas()
	for name, n := range in {
		if _, known := official[name]; !known || n < 0 {
			return badInput("give numbers from 0 for " + strings.Join(sortedKeys(official), ", "))
		}
	}
	return s.setQuotas(c, func(next quotaRow) { maps.Copy(next, in) })
}

// resetQuotas is DELETE /_sim/quotas: it restores WeChat's own numbers. The counts stay.
func (s *Sim) resetQuotas(c *echo.Context) error {
	return s.setQuotas(c, func(next quotaRow) { clear(next) })
}

// setQuotas stores a changed copy and answers with all limits in force.
func (s *Sim) setQuotas(c *echo.Context, change func(quotaRow)) error {
	s.mu.Lock()
	next := maps.Clone(s.state.quotas)
	change(next)
	err := s.save(next)
	if err == nil {
		s.state.quotas = next
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.quotas())
}
