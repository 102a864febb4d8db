package settings

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// load reads all sources. A row that cannot be used is left out and named in problems: one bad row must not stop the others.
func (s *Store) load() (*snapshot, error) {
	snap := &snapshot{apps: slices.Clone(s.simApps), merchants: slices.Clone(s.simMchs), simulated: len(s.simApps) > 0}
	s.addEnvironment(snap)
	merchants, err := s.app.FindAllRecords("wx_merchants")
	if err != nil {
		return nil, fmt.Errorf("read merchants: %w", err)
	}
	mchIDs := make(map[string]string, len(merchants))
	for _, r := range merchants {
		// NB! a disabled merchant keeps its number: an app that is linked to it must not fall back to another merchant
		mchIDs[r.Id] = r.GetString("mchid")
		if r.GetBool("enabled") {
			s.addMerchant(snap, r)
		}
	}
	apps, err := s.app.FindAllRecords("wx_apps", dbx.HashExp{"enabled": true})
	if err != nil {
		return nil, fmt.Errorf("read mini programs: %w", err)
	}
	for _, r := range apps {
		s.addApp(snap, r, mchIDs[r.GetString("merchant")])
	}
	return snap, nil
}

func (s *Store) addEnvironment(snap *snapshot) {
	for _, a := range s.env.apps {
		snap.putApp(a)
	}
	for _, m := range s.env.merchants {
		snap.putMerchant(m)
	}
}

func (s *Store) addApp(snap *snapshot, r *core.Record, mchID string) {
	a := App{
		AppID: r.GetString("appid"), Name: r.GetString("name"), EnvVersion: cmp.Or(r.GetString("envVersion"), "release"),
		MchID: mchID, PushMode: r.GetString("pushMode"), LinkRule: r.GetString("linkRule"), Source: SourceStored,
		XpayOfferID: r.GetString("xpayOfferId"), XpayEnv: cmp.Or(r.GetString("xpayEnv"), XpayLive), XpayKeepApple: r.GetString("xpayAppleRefunds") == "refuse",
	}
	err := s.openInto(r, map[string]*string{
		"secret": &a.Secret, "pushToken": &a.PushToken, "pushAesKey": &a.PushAESKey, "xpayKey": &a.XpayKey, "xpaySandboxKey": &a.XpaySandboxKey,
	})
	if err == nil {
		err = s.checkStored(r)
		a.APIBase = originOf(r.GetString("apiBase"), OfficialAPIBase)
	}
	if err != nil {
		snap.problems = append(snap.problems, err.Error())
		return
	}
	snap.putApp(a)
}

func (s *Store) addMerchant(snap *snapshot, r *core.Record) {
	m := Merchant{
		MchID: r.GetString("mchid"), API: r.GetString("api"), CertSerial: r.GetString("certSerial"),
		PublicKeyID: r.GetString("publicKeyId"), PublicKey: r.GetString("publicKey"),
		VerifyMode: cmp.Or(r.GetString("verifyMode"), "publicKey"), SignType: r.GetString("signType"),
		Certificate: r.GetString("certificate"), Source: SourceStored,
	}
	err := s.openInto(r, map[string]*string{"privateKey": &m.PrivateKey, "apiV3Key": &m.APIv3Key, "apiV2Key": &m.APIv2Key})
	if err == nil {
		err = s.checkStored(r)
		m.PayBase = originOf(r.GetString("payBase"), OfficialPayBase)
	}
	if err != nil {
		snap.problems = append(snap.problems, err.Error())
		return
	}
	snap.putMerchant(m)
}

// checkStored finds what an older version, an import or a setting that is gone has left behind: the dashboard would refuse it today.
func (s *Store) checkStored(r *core.Record) error {
	for _, c := range checkedSettings() {
		if c.collection != r.Collection().Name || slices.Contains(secretFields(c.collection), c.field) {
			continue
		}
		if problem := checkValue(c.field, r.GetString(c.field), s.env.allowCustom); problem != "" {
			return fmt.Errorf("%s of %s %s", c.field, r.GetString(idField(c.collection)), problem)
		}
	}
	return nil
}

// idField is the field by which people know a row.
func idField(collection string) string {
	if collection == "wx_apps" {
		return "appid"
	}
	return "mchid"
}

func (s *Store) openInto(r *core.Record, fields map[string]*string) error {
	for field, dst := range fields {
		plain, err := s.openRecord(r, field)
		if err != nil {
			return err
		}
		*dst = plain
	}
	return nil
}

// putApp keeps the first of a name, which is the strongest source's.
func (s *snapshot) putApp(a App) {
	if !slices.ContainsFunc(s.apps, func(b App) bool { return b.AppID == a.AppID }) {
		s.apps = append(s.apps, a)
	}
}

func (s *snapshot) putMerchant(m Merchant) {
	if !slices.ContainsFunc(s.merchants, func(n Merchant) bool { return n.MchID == m.MchID }) {
		s.merchants = append(s.merchants, m)
	}
}
