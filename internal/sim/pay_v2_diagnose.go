package sim

import (
	"maps"
	"strings"
	"sync"

	"wxbase/internal/sim/wire"
)

// explainV2 names the mistake in a v2 request whose sign is wrong. NB! every text here contains the key; none may be
// shown.
func (m *seller) explainV2(fields map[string]string, signType string) *finding {
	got := fields["sign"]
	return newFinding(m.mistakeV2(fields, signType, got)).compare([]string{"text"}, "", wire.LineV2(fields, "***"))
}

// mistakeV2 tries common mistakes.
func (m *seller) mistakeV2(fields map[string]string, signType, got string) string {
	key := m.APIV2Key
	other := map[string]string{wire.SignMD5: wire.SignHMAC, wire.SignHMAC: wire.SignMD5}[signType]
	if strings.EqualFold(got, wire.SignV2(fields, key, signType)) {
		return "sign_lower_case"
	}
	for _, try := range []struct {
		mistake string
		fields  map[string]string
		key     string
		kind    string
	}{
		{"other_sign_type", fields, key, other},
		{"apiv3_key_used", fields, m.APIV3Key, signType},
		{"sign_type_not_signed", lacking(fields, "sign_type"), key, signType},
		{"appid_left_out", lacking(fields, "appId"), key, signType},
		{"appid_in_small", withName(fields, "appId", "appid"), key, signType},
	} {
		if strings.EqualFold(got, wire.SignV2(try.fields, try.key, try.kind)) {
			return try.mistake
		}
	}
	switch {
	case strings.EqualFold(got, wire.HashLineV2(strings.TrimSuffix(wire.LineV2(fields, ""), "&key="), key, signType)):
		return "key_left_out"
	case strings.EqualFold(got, wire.HashLineV2(everyLineV2(fields)+"key="+key, key, signType)):
		return "empty_fields_signed"
	}
	return "wrong_text_or_key"
}

func lacking(fields map[string]string, name string) map[string]string {
	out := maps.Clone(fields)
	delete(out, name)
	return out
}

func withName(fields map[string]string, from, to string) map[string]string {
	out := lacking(fields, from)
	out[to] = fields[from]
	return out
}

// everyLineV2 is the signed line with the empty fields, and without the key.
func everyLineV2(fields map[string]string) string {
	var line strings.Builder
	for _, name := range sortedKeys(fields) {
		if name != "sign" {
			line.WriteString(name + "=" + fields[name] + "&")
		}
	}
	return line.String()
}

// explainPaySign names the mistake in a paySign.
func (s *Sim) explainPaySign(in payRequest, appid, timestamp string) *finding {
	m := s.payee(strings.TrimPrefix(in.Package, "prepay_id="))
	if in.SignType != signRSAType {
		return m.explainV2(map[string]string{
			"appId": appid, "timeStamp": timestamp, "nonceStr": in.NonceStr, "package": in.Package, "signType": in.SignType, "sign": in.PaySign,
		}, in.SignType)
	}
	names := []string{"appId", "timeStamp", "nonceStr", "package"}
	expected := message(appid, timestamp, in.NonceStr, in.Package)
	digest, form, bad := signedDigest(m.merchantPublic, in.PaySign)
	if bad != "" {
		return newFinding(bad).compare(names, "", expected)
	}
	apps := []variant{{appid, ""}, {"", "appid_left_out"}}
	for other := range s.state.apps {
		apps = append(apps, variant{other, "signed_for_other_app"})
	}
	apps = append(apps, variant{s.keys.AppID, "signed_for_other_app"})
	signed, mistake := findText([][]variant{
		apps, s.timeForms(timestamp), s.nonceForms(in.NonceStr),
		{{in.Package, ""}, {strings.TrimPrefix(in.Package, "prepay_id="), "package_without_name"}},
	}, mostMistakes(0), digest)
	f := newFinding(or(or(form, mistake), "unknown_text")).compare(names, signed, expected)
	f.KeyKnown = true
	return f
}

// noncesKept is how many nonces are remembered, for callers that sign with the previous one.
const noncesKept = 32

// nonceRing keeps the latest nonces.
type nonceRing struct {
	mu   sync.Mutex
	ring []string
}

func (q *nonceRing) add(nonce string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ring = append(q.ring, nonce); len(q.ring) > noncesKept {
		q.ring = q.ring[1:]
	}
}

func (q *nonceRing) list() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]string{}, q.ring...)
}
