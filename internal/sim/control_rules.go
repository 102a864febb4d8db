package sim

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v5"
)

// rules are WeChat's limits where its own pages disagree or are silent, or where a laptop needs milder ones. GET and
// POST /_sim/rules show and change them at run time; docs/simulator.md says how sure we are of each.
type rules struct {
	closeMinAge   time.Duration
	refundSpacing time.Duration
	refundDelay   time.Duration
	billsAnyTime  bool
	mixedSerials  bool
	clientCerts   bool
	publicKeyOnly bool     // GET /v3/certificates is 404, as for merchants since October 2024
	pages         []string // of the published version; empty accepts every well-formed page
	mostFen       int64    // of one order
	phoneCodeUsed int      // the errcode of a repeated phone code
	rateLimitCode string   // of v3's 429
	billHash      string   // which bytes hash_value covers: plain or packed
}

// The words of two rules.
const (
	rateFrequency = "FREQUENCY_LIMITED"
	rateExceeded  = "RATELIMIT_EXCEEDED"
	hashPlain     = "plain"
	hashPacked    = "packed"
)

// defaultRules are WeChat's, as far as the fact sheets know them.
func defaultRules() rules {
	return rules{
		refundSpacing: time.Minute, refundDelay: 3 * time.Second, mostFen: 10_000_000_000,
		phoneCodeUsed: 40029, rateLimitCode: rateFrequency, billHash: hashPlain,
	}
}

// ruleChanges are rules in the control API. A nil field changes nothing.
type ruleChanges struct {
	CloseMinAge        *string   `json:"closeMinAge,omitempty"`
	RefundSpacing      *string   `json:"refundSpacing,omitempty"`
	RefundDelay        *string   `json:"refundDelay,omitempty"`
	BillsAnyTime       *bool     `json:"billsAnyTime,omitempty"`
	MixedSerials       *bool     `json:"mixedSerials,omitempty"`
	ClientCertificates *bool     `json:"clientCertificates,omitempty"`
	PublicKeyOnly      *bool     `json:"publicKeyOnly,omitempty"`
	Pages              *[]string `json:"pages,omitempty"`
	MostFen            *int64    `json:"mostFen,omitempty"`
	PhoneCodeUsed      *int      `json:"phoneCodeUsed,omitempty"`
	RateLimitCode      *string   `json:"rateLimitCode,omitempty"`
	BillHash           *string   `json:"billHash,omitempty"`
}

// Entity lets changes survive a restart; they apply on top of the options of New.
func (ruleChanges) Entity() (kind, id string) { return "rules", "rules" }

// ruleTable holds the changed rules, see Sim.enforce.
type ruleTable struct{ rules ruleChanges }

func (t *ruleTable) register(r *registry) { rememberOne(r, &t.rules) }

// asAnswer lists all of them.
func (r rules) asAnswer() ruleChanges {
	age, spacing, delay, pages := r.closeMinAge.String(), r.refundSpacing.String(), r.refundDelay.String(), append([]string{}, r.pages...)
	return ruleChanges{
		CloseMinAge: &age, RefundSpacing: &spacing, RefundDelay: &delay, BillsAnyTime: &r.billsAnyTime, MixedSerials: &r.mixedSerials,
		ClientCertificates: &r.clientCerts, PublicKeyOnly: &r.publicKeyOnly, Pages: &pages, MostFen: &r.mostFen,
		PhoneCodeUsed: &r.phoneCodeUsed, RateLimitCode: &r.rateLimitCode, BillHash: &r.billHash,
	}
}

// over applies the changes to rules and checks the result.
func (in ruleChanges) over(r rules) (rules, error) {
	for _, d := range []struct {
		into *time.Duration
		from *string
		name string
	}{
		{&r.closeMinAge, in.CloseMinAge, "closeMinAge"},
		{&r.refundSpacing, in.RefundSpacing, "refundSpacing"},
		{&r.refundDelay, in.RefundDelay, "refundDelay"},
	} {
		if d.from == nil {
			continue
		}
		parsed, err := time.ParseDuration(*d.from)
		if err != nil || parsed < 0 && d.name != "refundDelay" {
			return r, badInput(d.name + " must be a duration such as 5m")
		}
		*d.into = parsed
	}
	set(&r.billsAnyTime, in.BillsAnyTime)
	set(&r.mixedSerials, in.MixedSerials)
	set(&r.clientCerts, in.ClientCertificates)
	set(&r.publicKeyOnly, in.PublicKeyOnly)
	set(&r.pages, in.Pages)
	set(&r.mostFen, in.MostFen)
	set(&r.phoneCodeUsed, in.PhoneCodeUsed)
	set(&r.rateLimitCode, in.RateLimitCode)
	set(&r.billHash, in.BillHash)
	return r, r.check()
}

// set copies a value that is given.
func set[T any](into, from *T) {
	if from != nil {
		*into = *from
	}
}

func (r rules) check() error {
	switch {
	case r.mostFen < 1:
		return badInput("mostFen must be at least 1")
	case r.phoneCodeUsed != 40029 && r.phoneCodeUsed != 40163:
		return badInput("phoneCodeUsed must be 40029 or 40163")
	case !oneOf(rateFrequency, rateExceeded)(r.rateLimitCode):
		return badInput("rateLimitCode must be " + rateFrequency + " or " + rateExceeded)
	case !oneOf(hashPlain, hashPacked)(r.billHash):
		return badInput("billHash must be plain or packed")
	}
	if i := slices.IndexFunc(r.pages, func(page string) bool { return !pageShape.MatchString(page) }); i >= 0 {
		return badInput("pages must be paths without a query, such as pages/index/index; number " + strconv.Itoa(i+1) + " is none")
	}
	return nil
}

// and combines a change with a later one.
func (in ruleChanges) and(later ruleChanges) ruleChanges {
	set(&in.CloseMinAge, orNil(later.CloseMinAge))
	set(&in.RefundSpacing, orNil(later.RefundSpacing))
	set(&in.RefundDelay, orNil(later.RefundDelay))
	set(&in.BillsAnyTime, orNil(later.BillsAnyTime))
	set(&in.MixedSerials, orNil(later.MixedSerials))
	set(&in.ClientCertificates, orNil(later.ClientCertificates))
	set(&in.PublicKeyOnly, orNil(later.PublicKeyOnly))
	set(&in.Pages, orNil(later.Pages))
	set(&in.MostFen, orNil(later.MostFen))
	set(&in.PhoneCodeUsed, orNil(later.PhoneCodeUsed))
	set(&in.RateLimitCode, orNil(later.RateLimitCode))
	set(&in.BillHash, orNil(later.BillHash))
	return in
}

// orNil returns nil for a nil pointer, else a pointer to it.
func orNil[T any](p *T) **T {
	if p == nil {
		return nil
	}
	return &p
}

// rule returns the rules in force.
func (s *Sim) rule() *rules { return s.rules.Load() }

// enforce applies the stored changes to the options. The caller holds s.mu, or is the only user of s.
func (s *Sim) enforce(changed ruleChanges) error {
	next, err := changed.over(s.opts.rules)
	if err != nil {
		return err
	}
	s.state.rules = changed
	s.rules.Store(&next)
	clear(s.state.unchecked) // note: the list of published pages may have changed
	return nil
}

func (s *Sim) showRules(c *echo.Context) error { return c.JSON(http.StatusOK, s.rule().asAnswer()) }

// changeRules is POST /_sim/rules: omitted rules stay.
func (s *Sim) changeRules(c *echo.Context) error {
	var in ruleChanges
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setRules(c, s.state.rules.and(in))
}

// resetRules is DELETE /_sim/rules: it restores the rules of the start.
func (s *Sim) resetRules(c *echo.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setRules(c, ruleChanges{})
}

// setRules checks and stores a change and answers with all rules. The caller holds s.mu.
func (s *Sim) setRules(c *echo.Context, changed ruleChanges) error {
	if _, err := changed.over(s.opts.rules); err != nil {
		return err
	}
	if err := s.save(changed); err != nil {
		return err
	}
	if err := s.enforce(changed); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.rule().asAnswer())
}
