package desk

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"golang.org/x/text/language"

	"wxbase/internal/answer"
	"wxbase/internal/doctor"
	"wxbase/internal/order"
	"wxbase/internal/settings"
)

// SetupDeps is what the pages of the setup need.
type SetupDeps struct {
	Settings func() *settings.Store
	Doctor   func(e *core.RequestEvent, in doctor.Language) ([]doctor.Finding, error)
}

// setupPage shows and changes what wxbase knows of the mini program and the merchant.
type setupPage struct {
	kit
	SetupDeps

	simulated bool
	vault     func() *settings.Vault // there once the app has booted
}

// setupView is everything that the page shows. NB! no secret is in it.
type setupView struct {
	Simulated     bool          `json:"simulated"`
	PublicURL     string        `json:"publicUrl"`
	PublicURLFrom string        `json:"publicUrlFrom"` // env, stored or empty
	Steps         []stepView    `json:"steps"`
	App           *appView      `json:"app"`
	Merchant      *merchantView `json:"merchant"`
	Preferences   Preferences   `json:"preferences"`
}

// secretView is all that is ever said about a secret.
type secretView struct {
	Set         bool   `json:"set"`
	Fingerprint string `json:"fingerprint"`
	FromEnv     bool   `json:"fromEnv"`
}

type appView struct {
	ID          string     `json:"id"` // of the row; empty for one of the environment or the simulator
	AppID       string     `json:"appid"`
	Name        string     `json:"name"`
	Secret      secretView `json:"secret"`
	PushToken   secretView `json:"pushToken"`
	PushAESKey  secretView `json:"pushAesKey"`
	PushMode    string     `json:"pushMode"`
	EnvVersion  string     `json:"envVersion"`
	PushAddress string     `json:"pushAddress"`

	XpayOfferID      string     `json:"xpayOfferId"`
	XpayKey          secretView `json:"xpayKey"`
	XpaySandboxKey   secretView `json:"xpaySandboxKey"`
	XpayEnv          string     `json:"xpayEnv"`
	XpayAppleRefunds string     `json:"xpayAppleRefunds"` // agree or refuse
}

type merchantView struct {
	ID            string     `json:"id"`
	MchID         string     `json:"mchid"`
	Name          string     `json:"name"`
	API           string     `json:"api"`
	CertSerial    string     `json:"certSerial"`
	PrivateKey    secretView `json:"privateKey"`
	APIv3Key      secretView `json:"apiV3Key"`
	APIv2Key      secretView `json:"apiV2Key"`
	PublicKeyID   string     `json:"publicKeyId"`
	PublicKey     secretView `json:"publicKey"`
	Certificate   secretView `json:"certificate"`
	VerifyMode    string     `json:"verifyMode"`
	SignType      string     `json:"signType"`
	Foreign       string     `json:"foreign"`
	NotifyAddress string     `json:"notifyAddress"`
}

// stepView is one step on the way to the first payment.
type stepView struct {
	ID     string `json:"id"`
	State  string `json:"state"` // done, missing or wrong
	Reason string `json:"reason"`
}

// chosenApp is the mini program that the page is about: the environment's, else the first row, else the one in force.
func (p *setupPage) chosenApp() (settings.App, *core.Record, error) {
	store := p.Settings()
	if app, _ := store.FromEnvironment(); app != nil {
		return *app, nil, nil
	}
	row, err := firstRow(p.App, "wx_apps")
	if err != nil {
		return settings.App{}, nil, err
	}
	if row == nil {
		app, err := store.App("")
		if errors.Is(err, settings.ErrNotConfigured) {
			return settings.App{}, nil, nil
		}
		return app, nil, err
	}
	app := settings.App{
		AppID: row.GetString("appid"), Name: row.GetString("name"), PushMode: row.GetString("pushMode"), EnvVersion: row.GetString("envVersion"), Source: settings.SourceStored,
		XpayOfferID: row.GetString("xpayOfferId"), XpayEnv: row.GetString("xpayEnv"), XpayKeepApple: row.GetString("xpayAppleRefunds") == "refuse",
	}
	openInto(store, row, map[string]*string{
		"secret": &app.Secret, "pushToken": &app.PushToken, "pushAesKey": &app.PushAESKey, "xpayKey": &app.XpayKey, "xpaySandboxKey": &app.XpaySandboxKey,
	})
	return app, row, nil
}

// chosenMerchant is likewise. The rules about payments of other programs are in a row even where the keys are the environment's.
func (p *setupPage) chosenMerchant() (settings.Merchant, *core.Record, error) {
	store := p.Settings()
	row, err := firstRow(p.App, "wx_merchants")
	if err != nil {
		return settings.Merchant{}, nil, err
	}
	if _, m := store.FromEnvironment(); m != nil {
		if row != nil && row.GetString("mchid") != m.MchID {
			row = nil
		}
		return *m, row, nil
	}
	if row == nil || p.simulated {
		m, err := store.Merchant("")
		if row == nil && errors.Is(err, settings.ErrNotConfigured) {
			return settings.Merchant{}, nil, nil
		}
		// the simulated merchant's keys are in no row, but the rules about it may be
		if row == nil || err == nil && row.GetString("mchid") == m.MchID {
			return m, row, err
		}
	}
	m := settings.Merchant{
		MchID: row.GetString("mchid"), API: cmp.Or(row.GetString("api"), "v3"), CertSerial: row.GetString("certSerial"), PublicKeyID: row.GetString("publicKeyId"),
		PublicKey: row.GetString("publicKey"), Certificate: row.GetString("certificate"), VerifyMode: cmp.Or(row.GetString("verifyMode"), "publicKey"),
		SignType: row.GetString("signType"), Source: settings.SourceStored,
	}
	openInto(store, row, map[string]*string{"privateKey": &m.PrivateKey, "apiV3Key": &m.APIv3Key, "apiV2Key": &m.APIv2Key})
	return m, row, nil
}

func firstRow(app core.App, collection string) (*core.Record, error) {
	var rows []*core.Record
	if err := app.RecordQuery(collection).OrderBy("enabled DESC", "created").Limit(1).All(&rows); err != nil {
		return nil, fmt.Errorf("read %s: %w", collection, err)
	}
	if len(rows) == 0 {
		return nil, nil //nolint:nilnil // none is no mistake
	}
	return rows[0], nil
}

// openInto reads the secrets of a row. One that cannot be opened reads as its ciphertext: it is set, and doctor says what is wrong.
func openInto(store *settings.Store, row *core.Record, fields map[string]*string) {
	for name, into := range fields {
		sealed := row.GetString(name)
		*into = sealed
		if plain, err := store.OpenField(row.Collection().Name, row.Id, name, sealed); err == nil {
			*into = plain
		}
	}
}

// showSetup handles GET /api/wx/admin/setup.
func (p *setupPage) showSetup(e *core.RequestEvent) error {
	view, err := p.viewSetup(e)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, view)
}

func (p *setupPage) viewSetup(e *core.RequestEvent) (v setupView, err error) {
	store := p.Settings()
	v.Simulated, v.PublicURL = p.simulated, store.PublicURL()
	if v.Preferences, err = LoadPreferences(e.App); err != nil {
		return v, err
	}
	switch {
	case store.PublicURLIsFixed():
		v.PublicURLFrom = "env"
	case v.PublicURL != "" && v.PublicURL == v.Preferences.PublicURL:
		v.PublicURLFrom = "stored"
	}
	app, appRow, err := p.chosenApp()
	if err != nil {
		return v, err
	}
	merchant, merchantRow, err := p.chosenMerchant()
	if err != nil {
		return v, err
	}
	v.App, v.Merchant = p.viewApp(app, appRow, v.PublicURL), p.viewMerchant(merchant, merchantRow, v.PublicURL)
	v.Steps, err = p.steps(e, app, merchant, v.PublicURL)
	return v, err
}

func (p *setupPage) viewApp(a settings.App, row *core.Record, origin string) *appView {
	if a.AppID == "" {
		return nil
	}
	secret := func(plain string) secretView { return p.viewSecret(plain, a.Source) }
	v := &appView{
		AppID: a.AppID, Name: a.Name, Secret: secret(a.Secret), PushToken: secret(a.PushToken), PushAESKey: secret(a.PushAESKey),
		PushMode: a.PushMode, EnvVersion: cmp.Or(a.EnvVersion, "release"),
		XpayOfferID: a.XpayOfferID, XpayKey: secret(a.XpayKey), XpaySandboxKey: secret(a.XpaySandboxKey), XpayEnv: cmp.Or(a.XpayEnv, settings.XpayLive),
		XpayAppleRefunds: map[bool]string{true: "refuse", false: "agree"}[a.XpayKeepApple],
	}
	if row != nil {
		v.ID = row.Id
	}
	if origin != "" {
		v.PushAddress = origin + "/api/wx/push/" + a.AppID
	}
	return v
}

func (p *setupPage) viewMerchant(m settings.Merchant, row *core.Record, origin string) *merchantView {
	if m.MchID == "" {
		return nil
	}
	secret := func(plain string) secretView { return p.viewSecret(plain, m.Source) }
	v := &merchantView{
		MchID: m.MchID, API: m.API, CertSerial: m.CertSerial, PrivateKey: secret(m.PrivateKey), APIv3Key: secret(m.APIv3Key), APIv2Key: secret(m.APIv2Key),
		PublicKeyID: m.PublicKeyID, PublicKey: secret(m.PublicKey), Certificate: secret(m.Certificate), VerifyMode: m.VerifyMode, SignType: m.SignType,
	}
	if row != nil {
		v.ID, v.Name, v.Foreign = row.Id, row.GetString("name"), row.GetString("foreign")
	}
	if origin != "" {
		v.NotifyAddress = origin + "/api/wx/notify/pay/" + m.MchID
	}
	return v
}

func (p *setupPage) viewSecret(plain string, source settings.Source) secretView {
	return secretView{Set: plain != "", Fingerprint: p.vault().Fingerprint(plain), FromEnv: source == settings.SourceEnvironment && plain != ""}
}

// steps says how far the shop is. What is right in form may still be wrong at WeChat: doctor asks there.
func (p *setupPage) steps(e *core.RequestEvent, a settings.App, m settings.Merchant, origin string) ([]stepView, error) {
	say := func(english, chinese string) string {
		if speaksChinese(e) {
			return chinese
		}
		return english
	}
	step := func(id string, done bool, reason string) stepView {
		if done {
			return stepView{ID: id, State: "done"}
		}
		return stepView{id, "missing", reason}
	}
	app := step("app", a.AppID != "" && a.Secret != "", say("AppID and AppSecret are wanted", "请填写 AppID 和 AppSecret"))
	merchant := step("merchant", m.MchID != "", say("A merchant is wanted", "请填写商户"))
	if missing := m.Missing(); m.MchID != "" && len(missing) > 0 {
		merchant = stepView{"merchant", "wrong", say("It lacks "+strings.Join(missing, ", "), "配置不完整："+strings.Join(missing, ", "))}
	}
	address := step("address", origin != "", say("The https address of this server is wanted", "请填写本服务器的 https 地址"))
	if secure := strings.HasPrefix(origin, "https://") || p.simulated; origin != "" && !secure {
		address = stepView{"address", "wrong", say("WeChat notifies over https only", "微信只通过 https 通知")}
	}
	push := step("push", a.PushToken != "", say("A Token for message push is wanted", "请填写消息推送 Token"))
	domain := step("domain", address.State == "done", say("It is entered at WeChat once there is an address", "有了公网地址后，到微信后台填写服务器域名"))
	if a.AppID != "" && a.Source == settings.SourceStored && !p.simulated {
		if row, err := firstRow(p.App, "wx_apps"); err == nil && row != nil && !row.GetBool("enabled") {
			app = stepView{"app", "wrong", say("It is switched off: save it again", "尚未启用：请再保存一次")}
		}
	}
	paid, err := p.App.CountRecords("payments", dbx.HashExp{"state": string(order.PaymentPaid)})
	if err != nil {
		return nil, fmt.Errorf("count payments: %w", err)
	}
	payment := step("payment", paid > 0, say("Nobody has paid yet: buy something for 1 fen", "还没有支付：请用 1 分钱下单试试"))
	return []stepView{app, merchant, address, push, domain, payment}, nil
}

// examine handles POST /api/wx/admin/doctor.
func (p *setupPage) examine(e *core.RequestEvent) error {
	in := doctor.English
	if speaksChinese(e) {
		in = doctor.Chinese
	}
	findings, err := p.Doctor(e, in)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]any{"findings": findings})
}

// speaksChinese tells whether a request prefers Chinese to English.
func speaksChinese(e *core.RequestEvent) bool {
	matcher := language.NewMatcher([]language.Tag{language.English, language.Chinese})
	_, at := language.MatchStrings(matcher, e.Request.Header.Get("Accept-Language"))
	return at == 1
}
