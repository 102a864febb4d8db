package sim

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxbase/internal/sim/wire"
)

// variant is one form of a part of a signed text: the first one is right and has no mistake.
type variant struct{ text, mistake string }

// requestLines names the lines that a v3 request signs.
func requestLines() []string {
	return []string{"method", "url", "timestamp", "nonce_str", "body"}
}

// longestTried limits the bodies for which other forms are tried, in bytes.
const longestTried = 64 << 10

// explainTime names the mistake in a time stamp outside of the window, such as the unit.
func explainTime(timestamp string, now time.Time) *finding {
	n, err := strconv.ParseInt(timestamp, 10, 64)
	switch {
	case err != nil:
		return newFinding("timestamp_form")
	case len(timestamp) == 13 && within(time.UnixMilli(n), now, 24*time.Hour):
		return newFinding("milliseconds")
	}
	f := newFinding("clock_off")
	if at, ok := fromSeconds(timestamp); ok && within(at, now, 100*365*24*time.Hour) {
		off := at.Sub(now).Round(time.Second)
		f.Says += " It says " + wire.Stamp(at) + ", which is " + off.String() + " off."
		f.SaysZH += "时间戳为" + wire.Stamp(at) + "，相差" + off.String() + "。"
	}
	return f
}

// explainMerchant names the mistake in mchid or serial_no.
func (s *Sim) explainMerchant(a authorization) *finding {
	m, name := s.sellerOf(a.mchID), "wrong_serial"
	certs := m.platform.Load()
	switch {
	case a.mchID != m.MchID:
		name = "wrong_mchid"
	case strings.EqualFold(a.serial, certs.now.serial), certs.before != nil && strings.EqualFold(a.serial, certs.before.serial):
		name = "serial_of_platform"
	case a.serial == m.PublicKeyID:
		name = "serial_of_public_key"
	}
	return newFinding(name).compare([]string{"mchid", "serial_no"}, a.mchID+"\n"+a.serial, m.MchID+"\n"+m.merchantSerial)
}

// explainRequest names the mistake in a v3 request whose signature does not verify.
func (s *Sim) explainRequest(c *call, a authorization) *finding {
	expected := message(c.r.Method, requestPath(c.r), a.timestamp, a.nonce, string(c.body))
	digest, form, bad := signedDigest(s.sellerOf(a.mchID).merchantPublic, a.signature)
	if bad != "" {
		return newFinding(bad).compare(requestLines(), "", expected)
	}
	parts := [][]variant{methodForms(c.r.Method), urlForms(c.r), s.timeForms(a.timestamp), s.nonceForms(a.nonce), bodyForms(c.body)}
	signed, mistake := findText(parts, mostMistakes(len(c.body)), digest)
	switch {
	case signed == "" && len(c.body) == 0:
		mistake = "nonce_mismatch"
	case signed == "":
		mistake = "nonce_or_body"
	}
	if form != "" {
		mistake = strings.TrimSuffix(form+"+"+mistake, "+")
	}
	f := newFinding(mistake).compare(requestLines(), signed, expected)
	f.KeyKnown = true
	return f
}

// signedDigest recovers the signed SHA-256 from a signature with the public key. form is a mistake in the signature's
// encoding, bad is one that leaves nothing to examine.
func signedDigest(key *rsa.PublicKey, signature string) (digest []byte, form, bad string) {
	raw, form := decodeSignature(signature)
	if raw == nil {
		return nil, "", form
	}
	if len(raw) != key.Size() {
		return nil, "", or(form, "wrong_key")
	}
	padded := new(big.Int).Exp(new(big.Int).SetBytes(raw), big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
	// note: 0x00 0x01, 0xff as filler, 0x00, then the hash with its name
	rest := bytes.TrimLeft(padded[2:], "\xff")
	if padded[0] != 0 || padded[1] != 1 || len(rest) < 1 || rest[0] != 0 {
		return nil, "", "wrong_key"
	}
	name, _ := hex.DecodeString(sha256Name)
	digest, named := bytes.CutPrefix(rest[1:], name)
	if !named || len(digest) != sha256.Size {
		return nil, "", "wrong_hash"
	}
	return digest, form, ""
}

// decodeSignature reads base64 and the encodings often mistaken for it; form is the mistake.
func decodeSignature(text string) (raw []byte, form string) {
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
		return raw, ""
	}
	if raw, err := base64.RawStdEncoding.DecodeString(text); err == nil {
		return raw, "base64_no_padding"
	}
	if raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "=")); err == nil {
		return raw, "base64_url"
	}
	if raw, err := hex.DecodeString(text); err == nil {
		return raw, "signature_hex"
	}
	return nil, "signature_not_base64"
}

// findText searches the text behind a digest: all forms of the parts, then with other line ends. Forms with the fewest
// mistakes come first. NB! the number of texts is the product of the forms.
func findText(parts [][]variant, most int, digest []byte) (text, mistake string) {
	for _, end := range []struct{ separator, last, mistake string }{
		{"\n", "\n", ""}, {"\n", "", "missing_newline"}, {`\n`, `\n`, "newline_written_out"}, {"\r\n", "\r\n", "carriage_returns"},
	} {
		if text, names := tryForms(parts, nil, nil, most, end.separator, end.last, digest); text != "" {
			return text, strings.Join(append(names, nonEmpty(end.mistake)...), "+")
		}
	}
	return "", ""
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// mostMistakes limits the mistakes at once: two, or one when a large body makes every try expensive.
func mostMistakes(size int) int {
	if size > 4<<10 {
		return 1
	}
	return 2
}

// tryForms goes through the product of the forms, with at most so many mistakes at once.
func tryForms(parts [][]variant, chosen, names []string, most int, separator, last string, digest []byte) (text string, mistakes []string) {
	if len(names) > most {
		return "", nil
	}
	if len(parts) == 0 {
		text := strings.Join(chosen, separator) + last
		if sum := sha256.Sum256([]byte(text)); bytes.Equal(sum[:], digest) {
			return text, names
		}
		return "", nil
	}
	for _, v := range parts[0] {
		named := append(slices.Clip(names), nonEmpty(v.mistake)...)
		if text, found := tryForms(parts[1:], append(slices.Clip(chosen), v.text), named, most, separator, last, digest); text != "" {
			return text, found
		}
	}
	return "", nil
}

func methodForms(method string) []variant {
	lower := strings.ToLower(method)
	return []variant{{method, ""}, {lower, "method_case"}, {strings.ToUpper(lower[:1]) + lower[1:], "method_case"}}
}

// urlForms are common mistakes in the signed address.
func urlForms(r *http.Request) []variant {
	sent := requestPath(r)
	list := []variant{{sent, ""}}
	path, _, _ := strings.Cut(sent, "?")
	for _, v := range []variant{
		{path, "url_without_query"},
		{unescaped(sent, url.PathUnescape), "url_decoded"},
		{unescaped(sent, url.QueryUnescape), "url_decoded"},
		{r.URL.Path, "url_without_query"},
		{"http://" + r.Host + sent, "url_with_host"},
		{"https://" + r.Host + sent, "url_with_host"},
		{"https://api.mch.weixin.qq.com" + sent, "url_with_host"},
		{strings.TrimPrefix(sent, "/"), "url_with_host"},
	} {
		if v.text != sent {
			list = append(list, v)
		}
	}
	return list
}

func unescaped(text string, undo func(string) (string, error)) string {
	if out, err := undo(text); err == nil {
		return out
	}
	return text
}

// timeForms are the seconds around the header's, for a clock read twice, and its milliseconds.
func (s *Sim) timeForms(timestamp string) []variant {
	list := []variant{{timestamp, ""}}
	n, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return list
	}
	for _, off := range []int64{-1, 1, -2, 2} {
		list = append(list, variant{strconv.FormatInt(n+off, 10), "timestamp_mismatch"})
	}
	return append(list, variant{timestamp + "000", "timestamp_mismatch"})
}

// nonceForms are the nonce in another case, and the previous ones.
func (s *Sim) nonceForms(nonce string) []variant {
	list := []variant{{nonce, ""}}
	for _, other := range append([]string{strings.ToLower(nonce), strings.ToUpper(nonce), strings.ReplaceAll(nonce, "-", ""), ""}, s.nonces.list()...) {
		if other != nonce {
			list = append(list, variant{other, "nonce_mismatch"})
		}
	}
	return list
}

// bodyForms are the serialisations of the same JSON in various languages.
func bodyForms(body []byte) []variant {
	list := []variant{{string(body), ""}}
	if len(body) == 0 || len(body) > longestTried {
		return list
	}
	add := func(text, mistake string) {
		if text != string(body) {
			list = append(list, variant{text, mistake})
		}
	}
	add("", "body_left_out")
	add(strings.TrimSpace(string(body)), "body_reserialised")
	add(string(body)+"\n", "body_reserialised")
	var compact, indented bytes.Buffer
	if json.Compact(&compact, body) != nil {
		return list
	}
	_ = json.Indent(&indented, body, "", "  ")
	for _, text := range []string{compact.String(), indented.String(), spaced(compact.Bytes())} {
		for _, form := range []string{text, asciiOnly(text), strings.ReplaceAll(text, "/", `\/`), strings.ReplaceAll(asciiOnly(text), "/", `\/`), escapedHTML(text)} {
			add(form, "body_reserialised")
		}
	}
	var sorted map[string]any
	if decode(body, &sorted) == nil {
		text := string(encode(sorted))
		for _, form := range []string{text, asciiOnly(text), escapedHTML(text), spaced([]byte(text)), asciiOnly(spaced([]byte(text)))} {
			add(form, "body_reserialised")
		}
	}
	return list
}

// spaced writes compact JSON as Python does: a space after each comma and colon that is not inside a text.
func spaced(compact []byte) string {
	var out strings.Builder
	quoted := false
	for i := 0; i < len(compact); i++ {
		ch := compact[i]
		out.WriteByte(ch)
		switch {
		case quoted && ch == '\\' && i+1 < len(compact):
			i++
			out.WriteByte(compact[i])
		case ch == '"':
			quoted = !quoted
		case !quoted && (ch == ',' || ch == ':'):
			out.WriteByte(' ')
		}
	}
	return out.String()
}

// asciiOnly escapes everything past ASCII as \uXXXX.
func asciiOnly(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			out.WriteString(`\u` + hex4(0xd800+r>>10) + `\u` + hex4(0xdc00+r&0x3ff))
		default:
			out.WriteString(`\u` + hex4(r))
		}
	}
	return out.String()
}

func hex4(r rune) string {
	text := "000" + strconv.FormatInt(int64(r), 16)
	return text[len(text)-4:]
}

// escapedHTML writes <, > and & as Go does unless it is told not to.
func escapedHTML(text string) string {
	return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(text)
}
