package desk

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/settings"
)

// appForm and merchantForm are what PATCH takes: what is left out stays. Secrets are never read back.
type appForm struct {
	AppID      *string `json:"appid"`
	Name       *string `json:"name"`
	Secret     *string `json:"secret"`
	PushToken  *string `json:"pushToken"`
	PushAESKey *string `json:"pushAesKey"`
	PushMode   *string `json:"pushMode"`
	EnvVersion *string `json:"envVersion"`

	XpayOfferID      *string `json:"xpayOfferId"`
	XpayKey          *string `json:"xpayKey"`
	XpaySandboxKey   *string `json:"xpaySandboxKey"`
	XpayEnv          *string `json:"xpayEnv"`
	XpayAppleRefunds *string `json:"xpayAppleRefunds"`
}

type merchantForm struct {
	MchID       *string `json:"mchid"`
	Name        *string `json:"name"`
	API         *string `json:"api"`
	CertSerial  *string `json:"certSerial"`
	PrivateKey  *string `json:"privateKey"`
	APIv3Key    *string `json:"apiV3Key"`
	APIv2Key    *string `json:"apiV2Key"`
	PublicKeyID *string `json:"publicKeyId"`
	PublicKey   *string `json:"publicKey"`
	Certificate *string `json:"certificate"`
	VerifyMode  *string `json:"verifyMode"`
	SignType    *string `json:"signType"`
	Foreign     *string `json:"foreign"`
}

// field is one value of a form.
type formField struct {
	name  string
	value *string
}

func (f appForm) fields() []formField {
	return []formField{
		{"appid", f.AppID},
		{"name", f.Name},
		{"secret", f.Secret},
		{"pushToken", f.PushToken},
		{"pushAesKey", f.PushAESKey},
		{"pushMode", f.PushMode},
		{"envVersion", f.EnvVersion},
		{"xpayOfferId", f.XpayOfferID},
		{"xpayKey", f.XpayKey},
		{"xpaySandboxKey", f.XpaySandboxKey},
		{"xpayEnv", f.XpayEnv},
		{"xpayAppleRefunds", f.XpayAppleRefunds},
	}
}

func (f merchantForm) fields() []formField {
	return []formField{
		{"mchid", f.MchID},
		{"name", f.Name},
		{"api", f.API},
		{"certSerial", f.CertSerial},
		{"privateKey", tidyPEM(f.PrivateKey)},
		{"apiV3Key", f.APIv3Key},
		{"apiV2Key", f.APIv2Key},
		{"publicKeyId", f.PublicKeyID},
		{"publicKey", tidyPEM(f.PublicKey)},
		{"certificate", tidyPEM(f.Certificate)},
		{"verifyMode", f.VerifyMode},
		{"signType", f.SignType},
		{"foreign", f.Foreign},
	}
}

// changeApp handles PATCH /api/wx/admin/setup/app.
func (p *setupPage) changeApp(e *core.RequestEvent) error {
	var form appForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	fixed, _ := p.Settings().FromEnvironment()
	if fixed != nil {
		return refuseFixed(form.fields())
	}
	row, err := firstRow(e.App, "wx_apps")
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return p.saveSetup(e, "wx_apps", row, form.fields())
}

// changeMerchant handles PATCH /api/wx/admin/setup/merchant. A certificate brings its serial along, unless another is sent.
func (p *setupPage) changeMerchant(e *core.RequestEvent) error {
	var form merchantForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	_, fixed := p.Settings().FromEnvironment()
	if fixed != nil && form != (merchantForm{Foreign: form.Foreign}) {
		return refuseFixed(form.fields())
	}
	chosen, row, err := p.chosenMerchant()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if fixed != nil || row == nil && form == (merchantForm{Foreign: form.Foreign}) { // the keys stay the environment's, or the simulator's
		form.MchID = &chosen.MchID
	}
	if form.CertSerial == nil && form.Certificate != nil {
		if found := recognisePEM(*form.Certificate); found.Kind == "certificate" {
			form.CertSerial = &found.Serial
		}
	}
	return p.saveSetup(e, "wx_merchants", row, form.fields())
}

// refuseFixed names the first field that cannot be changed because the environment sets it.
func refuseFixed(fields []formField) error {
	for _, f := range fields {
		if f.value != nil && f.name != "foreign" {
			return answer.With(answer.SetupFromEnvironment, "field", f.name)
		}
	}
	return answer.Fail(answer.SetupFromEnvironment, nil)
}

// saveSetup writes a row. Beside the simulator it stays switched off: real credentials must not be in force there.
func (p *setupPage) saveSetup(e *core.RequestEvent, collection string, row *core.Record, fields []formField) error {
	if row == nil {
		c, err := e.App.FindCachedCollectionByNameOrId(collection)
		if err != nil {
			return answer.Fail(answer.Busy, err)
		}
		row = core.NewRecord(c)
		if collection == "wx_merchants" {
			row.Load(map[string]any{"api": "v3", "verifyMode": "publicKey"})
		}
	}
	var changed []string
	for _, f := range fields {
		if f.value != nil {
			row.Set(f.name, strings.TrimSpace(*f.value))
			changed = append(changed, f.name)
		}
	}
	row.Set("enabled", !p.simulated)
	Note(e, "fields", changed) // NB! their names, never what is in them
	if err := e.App.Save(row); err != nil {
		return asAnswer(refusal(err, ""))
	}
	About(e, row.Id, row.GetString("appid")+row.GetString("mchid"))
	return p.showSetup(e)
}

// preferencesForm is what PATCH takes; what is left out stays.
type preferencesForm struct {
	Shop            *string `json:"shop"`
	TwoPersonsAbove *int64  `json:"twoPersonsAbove"`
	PublicURL       *string `json:"publicUrl"`

	PayoutsPerDay      *int64 `json:"payoutsPerDay"`
	PayoutsAlonePerDay *int64 `json:"payoutsAlonePerDay"`

	EnglishDashboard *bool `json:"englishDashboard"`
}

// changePreferences handles PATCH /api/wx/admin/setup/preferences.
func (p *setupPage) changePreferences(e *core.RequestEvent) error {
	var form preferencesForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	chosen, err := LoadPreferences(e.App)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if err := form.fill(&chosen, p.Settings()); err != nil {
		return err
	}
	if err := SavePreferences(e.App, chosen); err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("save preferences: %w", err))
	}
	if form.PublicURL != nil {
		p.Settings().SetPublicURL(chosen.PublicURL)
	}
	Note(e, "preferences", chosen)
	return p.showSetup(e)
}

func (f preferencesForm) fill(p *Preferences, store *settings.Store) error {
	if f.Shop != nil {
		p.Shop = strings.TrimSpace(*f.Shop)
		if utf8.RuneCountInString(p.Shop) > 50 {
			return answer.Field(answer.FieldInvalid, "shop", "at most 50 characters")
		}
	}
	if f.TwoPersonsAbove != nil {
		p.TwoPersonsAbove = *f.TwoPersonsAbove
		if p.TwoPersonsAbove < 0 || p.TwoPersonsAbove > 100_000_000 {
			return answer.Field(answer.FieldInvalid, "twoPersonsAbove", "0 to 100000000 fen")
		}
	}
	for name, change := range map[string]struct {
		from *int64
		into *int64
	}{"payoutsPerDay": {f.PayoutsPerDay, &p.PayoutsPerDay}, "payoutsAlonePerDay": {f.PayoutsAlonePerDay, &p.PayoutsAlonePerDay}} {
		if change.from == nil {
			continue
		}
		if *change.from < 0 || *change.from > 100_000_000 {
			return answer.Field(answer.FieldInvalid, name, "0 to 100000000 fen")
		}
		*change.into = *change.from
	}
	if f.EnglishDashboard != nil {
		p.EnglishDashboard = *f.EnglishDashboard
	}
	if f.PublicURL == nil {
		return nil
	}
	if store.PublicURLIsFixed() {
		return answer.With(answer.SetupFromEnvironment, "field", "publicUrl")
	}
	origin, err := store.CheckPublicURL(*f.PublicURL)
	if err != nil {
		return answer.Field(answer.FieldInvalid, "publicUrl", err.Error())
	}
	p.PublicURL = origin
	return nil
}
