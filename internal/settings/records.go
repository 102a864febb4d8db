package settings

import (
	"fmt"
	"slices"
	"strings"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
)

// secretFields are the encrypted columns per collection.
func secretFields(collection string) []string {
	switch collection {
	case "wx_apps":
		return []string{"secret", "pushToken", "pushAesKey", "xpayKey", "xpaySandboxKey"}
	case "wx_merchants":
		return []string{"privateKey", "apiV3Key", "apiV2Key"}
	default:
		return nil
	}
}

func place(r *core.Record, field string) string {
	return r.Collection().Name + "/" + r.Id + "/" + field
}

// sealRecord encrypts the changed secrets, just before a row is written. A value that equals the mask of the stored one
// means "unchanged", because a form sends the mask back.
func (s *Store) sealRecord(e *core.RecordEvent) error {
	if e.Record.Id == "" {
		e.Record.Id = core.GenerateDefaultRandomId() // the place of a secret holds the row's id
	}
	if err := s.checkPlain(e.App, e.Record); err != nil {
		return err
	}
	for _, field := range secretFields(e.Record.Collection().Name) {
		value, stored := e.Record.GetString(field), e.Record.Original().GetString(field)
		if value == stored || s.isSealed(e.Record, field, value) {
			continue
		}
		if stored != "" && value == s.maskOf(e.Record, field, stored) {
			e.Record.Set(field, stored)
			continue
		}
		if problem := checkSecret(field, value); problem != "" {
			return validation.Errors{field: validation.NewError("secret_invalid", problem)}
		}
		sealed, err := s.vault.Seal(place(e.Record, field), value)
		if err != nil {
			return fmt.Errorf("seal %s: %w", field, err)
		}
		e.Record.Set(field, sealed)
	}
	return e.Next()
}

// checkPlain looks at what is stored and shown as it is: whatever the environment would refuse at the start, and credentials of the real
// WeChat beside the simulator, with which the next start would be refused.
func (s *Store) checkPlain(app core.App, r *core.Record) error {
	name := r.Collection().Name
	for _, c := range checkedSettings() {
		value := r.GetString(c.field)
		if c.collection != name || value == r.Original().GetString(c.field) || slices.Contains(secretFields(name), c.field) {
			continue
		}
		if problem := checkValue(c.field, value, s.env.allowCustom); problem != "" {
			return validation.Errors{c.field: validation.NewError("setting_invalid", problem)}
		}
	}
	if rule := r.GetString("linkRule"); name == "wx_apps" && rule != r.Original().GetString("linkRule") {
		if err := CheckRule(app, "users", rule); err != nil {
			return validation.Errors{"linkRule": validation.NewError("rule_invalid", "cannot be evaluated: "+err.Error())}
		}
	}
	if s.IsSimulated() && r.GetBool("enabled") && reachesWechat(originOf(r.GetString("apiBase")+r.GetString("payBase"), OfficialAPIBase)) {
		return validation.Errors{"enabled": validation.NewError("real_beside_simulator", "the simulator is in force (--sim), and it would not "+
			"start again beside credentials of the real WeChat: leave the row disabled, or start without --sim")}
	}
	return checkPublic(r)
}

// checkPublic looks at the keys of a merchant that are stored and shown as they are.
//
// NB! a private key that is pasted there by mistake must not get in.
func checkPublic(r *core.Record) error {
	if r.Collection().Name != "wx_merchants" {
		return nil
	}
	for _, f := range []struct {
		name, want string
		valid      func(text string) bool
	}{{"publicKey", "pub_key.pem", isPublicKey}, {"certificate", "apiclient_cert.pem", isCertificate}} {
		if text := r.GetString(f.name); text != "" && text != r.Original().GetString(f.name) && (!f.valid(text) || strings.Contains(text, "PRIVATE KEY")) {
			return validation.Errors{f.name: validation.NewError("key_invalid", "must be the text of "+f.want)}
		}
	}
	return nil
}

// isSealed tells whether a value is ciphertext of this very place already: a record that is saved again after a failed save.
func (s *Store) isSealed(r *core.Record, field, value string) bool {
	_, err := s.vault.Open(place(r, field), value)
	return value != "" && err == nil
}

// checkSecret says what is wrong with a secret in words that do not repeat it.
func checkSecret(field, value string) string {
	switch {
	case value == "":
		return ""
	case strings.HasPrefix(value, maskPrefix):
		return "is the mask of another value; read the row again, or type the secret itself"
	case field == "xpayKey", field == "xpaySandboxKey":
		return mustMatch(xpayKeyShape, value, "16 to 128 letters and digits, as the console of virtual payment shows it")
	case field == "pushToken":
		return mustMatch(pushTokenShape, value, "3 to 32 letters and digits, as at WeChat")
	case field == "pushAesKey" && len(value) == 43:
		return mustMatch(pushKeyShape, value, "43 letters and digits, as at WeChat")
	case field == "apiV3Key" && len(value) != 32, field == "apiV2Key" && len(value) != 32:
		return fmt.Sprintf("must have exactly 32 characters, has %d", len(value))
	case field == "pushAesKey" && len(value) != 43:
		return fmt.Sprintf("must have exactly 43 characters, has %d", len(value))
	case field == "secret" && len(value) != 32:
		return fmt.Sprintf("must have exactly 32 characters, has %d", len(value))
	case field == "privateKey" && !isPrivateKey(value):
		return "must be the text of apiclient_key.pem"
	default:
		return ""
	}
}

// maskRecord replaces ciphertext by masks in every answer, to superusers too.
func (s *Store) maskRecord(e *core.RecordEnrichEvent) error {
	for _, field := range secretFields(e.Record.Collection().Name) {
		if sealed := e.Record.GetString(field); sealed != "" {
			e.Record.Set(field, s.maskOf(e.Record, field, sealed))
		}
	}
	return e.Next()
}

// maskOf is the mask of a stored secret. One that cannot be opened still reads as set.
func (s *Store) maskOf(r *core.Record, field, sealed string) string {
	plain, err := s.vault.Open(place(r, field), sealed)
	if err != nil {
		return maskPrefix + "unreadable"
	}
	return s.vault.Mask(plain)
}

// openRecord reads one secret of a row; see ErrSealed.
func (s *Store) openRecord(r *core.Record, field string) (string, error) {
	plain, err := s.vault.Open(place(r, field), r.GetString(field))
	if err != nil {
		return "", fmt.Errorf("open %s of %s %s: %w", field, r.Collection().Name, r.Id, err)
	}
	return plain, nil
}
