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
		base, err := checkBase("WXBASE_API_BASE", a.APIBase, OfficialAPIBase, s.env.allowCustom)
		if err != nil {
			snap.problems = append(snap.problems, err.Error())
			continue
		}
		a.APIBase = base
		snap.putApp(a)
	}
	for _, m := range s.env.merchants {
		base, err := checkBase("WXBASE_PAY_BASE", m.PayBase, OfficialPayBase, s.env.allowCustom)
		if err != nil {
			snap.problems = append(snap.problems, err.Error())
			continue
		}
		m.PayBase = base
		snap.putMerchant(m)
	}
}

func (s *Store) addApp(snap *snapshot, r *core.Record, mchID string) {
	a := App{
		AppID: r.GetString("appid"), Name: r.GetString("name"), EnvVersion: cmp.Or(r.GetString("envVersion"), "release"),
		MchID: mchID, PushMode: r.GetString("pushMode"), LinkRule: r.GetString("linkRule"), Source: SourceStored,
	}
	err := s.openInto(r, map[string]*string{"secret": &a.Secret, "pushToken": &a.PushToken, "pushAesKey": &a.PushAESKey})
	if err == nil {
		a.APIBase, err = checkBase("apiBase of "+a.AppID, r.GetString("apiBase"), OfficialAPIBase, s.env.allowCustom)
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
		m.PayBase, err = checkBase("payBase of "+m.MchID, r.GetString("payBase"), OfficialPayBase, s.env.allowCustom)
	}
	if err != nil {
		snap.problems = append(snap.problems, err.Error())
		return
	}
	snap.putMerchant(m)
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
