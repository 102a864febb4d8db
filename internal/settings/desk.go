package settings

import "strings"

// What the dashboard needs to show and to change the settings, besides the rows themselves.

// FromEnvironment gives the mini program and the merchant that the environment names; nil where it names none.
func (s *Store) FromEnvironment() (*App, *Merchant) {
	var app *App
	var merchant *Merchant
	if len(s.env.apps) > 0 {
		a := s.env.apps[0]
		app = &a
	}
	if len(s.env.merchants) > 0 {
		m := s.env.merchants[0]
		merchant = &m
	}
	return app, merchant
}

// PublicURLIsFixed tells whether the environment names the public address, so that nothing else counts.
func (s *Store) PublicURLIsFixed() bool { return s.env.publicURL != "" }

// CheckPublicURL gives the origin of a public address, or says why it cannot be one.
func (s *Store) CheckPublicURL(text string) (string, error) {
	return checkPublicURL(strings.TrimSpace(text), s.IsSimulated() || s.env.allowCustom)
}

// Fingerprint tells two secrets apart and gives nothing away; empty for none.
func (v *Vault) Fingerprint(plain string) string {
	if plain == "" {
		return ""
	}
	return "sha256:" + strings.TrimPrefix(v.Mask(plain), maskPrefix)
}

// OpenField reads one secret of a row of wx_apps or wx_merchants in the clear. NB! for fingerprints and comparisons, never for an answer.
func (s *Store) OpenField(collection, id, field, sealed string) (string, error) {
	return s.vault.Open(collection+"/"+id+"/"+field, sealed)
}

// Missing names what a merchant needs before it can take a payment.
func (m Merchant) Missing() []string { return m.lacks() }
