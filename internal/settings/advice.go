package settings

import (
	"fmt"
	"strings"
)

// Advice lists what stands in the way of a login or a payment, in words for the owner. It never repeats a secret.
func (s *Store) Advice() []string {
	snap, err := s.snapshot()
	if err != nil {
		return []string{"settings cannot be read: " + err.Error()}
	}
	advice := append([]string(nil), snap.problems...)
	if len(snap.apps) == 0 {
		advice = append(advice, "no mini program: set WXBASE_APPID and WXBASE_APP_SECRET, or add a row to wx_apps in the dashboard")
	}
	for _, a := range snap.apps {
		if a.Secret == "" {
			advice = append(advice, fmt.Sprintf("mini program %s has no AppSecret", a.AppID))
		}
		if a.XpayKey != "" && a.XpayKey == a.XpaySandboxKey {
			advice = append(advice, fmt.Sprintf("mini program %s has the same AppKey of virtual payment for live and sandbox, which are two: one of them is wrong", a.AppID))
		}
		if err := CheckRule(s.app, "users", a.LinkRule); err != nil {
			advice = append(advice, fmt.Sprintf("mini program %s lets nobody make links, its linkRule cannot be evaluated: %v", a.AppID, err))
		}
	}
	if len(snap.merchants) == 0 {
		advice = append(advice, "no merchant: set WXBASE_MCH_ID and its keys, or add a row to wx_merchants in the dashboard; login works without")
	}
	for _, m := range snap.merchants {
		if missing := m.lacks(); len(missing) > 0 {
			advice = append(advice, fmt.Sprintf("merchant %s takes no payment yet, it lacks %s", m.MchID, strings.Join(missing, ", ")))
		}
	}
	if needsPublicURL(snap.merchants, s.PublicURL()) {
		advice = append(advice, "no public address: set WXBASE_PUBLIC_URL to the https origin where WeChat reaches this server")
	}
	return advice
}

// Problems lists the stored settings that cannot be used, such as secrets that do not open with the present key.
func (s *Store) Problems() []string {
	snap, err := s.snapshot()
	if err != nil {
		return []string{"settings cannot be read: " + err.Error()}
	}
	return append([]string(nil), snap.problems...)
}

// needsPublicURL tells whether notifications of payments would not arrive. The real WeChat Pay notifies over https only.
func needsPublicURL(merchants []Merchant, origin string) bool {
	for _, m := range merchants {
		if !strings.HasPrefix(origin, "https://") && (!strings.HasPrefix(origin, "http://") || IsOfficial(m.PayBase)) {
			return true
		}
	}
	return false
}

// CheckRules says which of the rules that the environment names could never be evaluated. It needs the collections.
func (s *Store) CheckRules() error {
	for _, a := range s.env.apps {
		if err := CheckRule(s.app, "users", a.LinkRule); err != nil {
			return fmt.Errorf("WXBASE_LINK_RULE cannot be evaluated: %w", err)
		}
	}
	return nil
}

// Sources says in one line where the mini programs and merchants come from, for the start of the log.
func (s *Store) Sources() string {
	snap, err := s.snapshot()
	if err != nil {
		return "unknown"
	}
	var parts []string
	for _, a := range snap.apps {
		parts = append(parts, a.String())
	}
	for _, m := range snap.merchants {
		parts = append(parts, m.String())
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// HasReal tells whether credentials for the real WeChat are configured; the simulator refuses to start beside them.
func (s *Store) HasReal() (bool, error) {
	snap, err := s.snapshot()
	if err != nil {
		return false, err
	}
	for _, a := range snap.apps {
		if a.Source != SourceSim && reachesWechat(a.APIBase) {
			return true, nil
		}
	}
	for _, m := range snap.merchants {
		if m.Source != SourceSim && reachesWechat(m.PayBase) {
			return true, nil
		}
	}
	return false, nil
}
