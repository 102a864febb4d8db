package wechat_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"wxbase/internal/wechat"
)

func TestVerifySignature(t *testing.T) {
	t.Parallel()
	v := golden(t).Signature
	scenarios := []struct {
		name, raw, key, signature string
		want                      bool
	}{
		{"official vector", v.RawData, v.SessionKey, v.Signature, true},
		{"one space more", v.RawData + " ", v.SessionKey, v.Signature, false},
		{"another key", v.RawData, "tiihtNczf5v6AKRyjwEUhQ==", v.Signature, false},
		{"upper case", v.RawData, v.SessionKey, strings.ToUpper(v.Signature), false},
		{"no signature", v.RawData, v.SessionKey, "", false},
		{"no key", "", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709", false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := wechat.VerifySignature(s.raw, wechat.SessionKey(s.key), s.signature); got != s.want {
				t.Errorf("got %v, want %v", got, s.want)
			}
		})
	}
}

func TestDecryptOpenDataOfficialVector(t *testing.T) {
	t.Parallel()
	v := golden(t).OpenData
	got, err := wechat.DecryptOpenData(v.SessionKey, v.EncryptedData, v.IV, v.AppID)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.JSON) != v.Plain || got.AppID != v.AppID || got.Timestamp.Unix() != 1477314187 {
		t.Errorf("got %s of %s at %v, want the official plain text", got.JSON, got.AppID, got.Timestamp)
	}
}

func TestOpenDataPhone(t *testing.T) {
	t.Parallel()
	v := golden(t)
	data, err := wechat.DecryptOpenData(v.Phone.SessionKey, v.Phone.EncryptedData, v.Phone.IV, appID)
	if err != nil {
		t.Fatal(err)
	}
	phone, err := data.Phone()
	if err != nil || phone.PurePhoneNumber != "13800138000" || phone.CountryCode != "86" {
		t.Errorf("got %+v, %v, want 13800138000 of 86", phone, err)
	}
	profile, err := wechat.DecryptOpenData(v.OpenData.SessionKey, v.OpenData.EncryptedData, v.OpenData.IV, appID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Phone(); !errors.Is(err, wechat.ErrMissingField) {
		t.Errorf("got %v for a profile, want ErrMissingField", err)
	}
}

// seal encrypts the padded text unchanged.
func seal(tb testing.TB, key wechat.SessionKey, iv, padded string) string {
	tb.Helper()
	k, _ := base64.StdEncoding.DecodeString(key.Reveal())
	v, _ := base64.StdEncoding.DecodeString(iv)
	block, err := aes.NewCipher(k)
	if err != nil {
		tb.Fatal(err)
	}
	out := make([]byte, len(padded))
	cipher.NewCBCEncrypter(block, v).CryptBlocks(out, []byte(padded))
	return base64.StdEncoding.EncodeToString(out)
}

func pad(s string) string {
	n := 16 - len(s)%16
	return s + strings.Repeat(string(rune(n)), n)
}

func TestZeroOpenDataHasNoPhone(t *testing.T) {
	t.Parallel()
	data := wechat.OpenData{JSON: json.RawMessage(`{"phoneNumber":"1","purePhoneNumber":"1"}`)}
	if _, err := data.Phone(); !errors.Is(err, wechat.ErrWatermark) {
		t.Errorf("got %v, want ErrWatermark", err)
	}
}

func TestDecryptOpenDataHostile(t *testing.T) {
	t.Parallel()
	v := golden(t).OpenData
	key, iv, data := v.SessionKey, v.IV, v.EncryptedData
	sealed := func(plain string) string { return seal(t, key, iv, plain) }
	scenarios := []struct {
		name     string
		key      wechat.SessionKey
		data, iv string
		app      string
		want     error
	}{
		{"stale key", "HyVFkGl5F5OQWJZZaNzBBg==", data, iv, appID, wechat.ErrDecrypt},
		{"no key", "", data, iv, appID, wechat.ErrDecrypt},
		{"short key", "dGlp", data, iv, appID, wechat.ErrDecrypt},
		{"key of 32 bytes", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", data, iv, appID, wechat.ErrDecrypt},
		{"key not base64", "!", data, iv, appID, wechat.ErrDecrypt},
		{"length not of blocks", key, "YWJj", iv, appID, wechat.ErrMalformed},
		{"no data", key, "", iv, appID, wechat.ErrMalformed},
		{"data not base64", key, "%%%", iv, appID, wechat.ErrMalformed},
		{"plus became space", key, strings.ReplaceAll(data, "+", " "), iv, appID, wechat.ErrMalformed},
		{"huge data", key, strings.Repeat("A", 1<<20), iv, appID, wechat.ErrMalformed},
		{"short iv", key, data, "YWJj", appID, wechat.ErrMalformed},
		{"long iv", key, data, strings.Repeat("A", 1<<20), appID, wechat.ErrMalformed},
		{"iv not base64", key, data, "?", appID, wechat.ErrMalformed},
		{"pad of 0", key, sealed("{\"watermark\":1}\x00"), iv, appID, wechat.ErrDecrypt},
		{"pad over 16", key, sealed(`{"a":123456789}` + strings.Repeat("\x11", 17)), iv, appID, wechat.ErrDecrypt},
		{"pad uneven", key, sealed("{\"a\":1234567}\x01\x02\x03"), iv, appID, wechat.ErrDecrypt},
		{"only padding", key, sealed(pad("")), iv, appID, wechat.ErrDecrypt},
		{"not JSON", key, sealed(pad("hello")), iv, appID, wechat.ErrDecrypt},
		{"JSON array", key, sealed(pad("[]")), iv, appID, wechat.ErrDecrypt},
		{"bad UTF-8", key, sealed(pad("{\"a\":\"\xff\",\"watermark\":{\"appid\":\"" + appID + "\"}}")), iv, appID, wechat.ErrDecrypt},
		{"other app", key, data, iv, "wx0000000000000000", wechat.ErrWatermark},
		{"no watermark", key, sealed(pad("{}")), iv, appID, wechat.ErrWatermark},
		{"empty appid on both sides", key, sealed(pad(`{"watermark":{"appid":""}}`)), iv, "", wechat.ErrWatermark},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, err := wechat.DecryptOpenData(s.key, s.data, s.iv, s.app)
			if !errors.Is(err, s.want) {
				t.Errorf("got %v, want %v", err, s.want)
			}
			if errors.Is(s.want, wechat.ErrDecrypt) && errors.Is(err, wechat.ErrMalformed) {
				t.Errorf("got %v, want a stale key told apart from malformed data", err)
			}
		})
	}
}

func FuzzDecryptOpenData(f *testing.F) {
	v := golden(f).OpenData
	f.Add(v.SessionKey.Reveal(), v.EncryptedData, v.IV, v.AppID)
	f.Add("", "", "", "")
	f.Add(v.SessionKey.Reveal(), "AAAA", v.IV, v.AppID)
	f.Fuzz(func(t *testing.T, key, data, iv, app string) {
		got, err := wechat.DecryptOpenData(wechat.SessionKey(key), data, iv, app)
		if err != nil {
			return
		}
		if got.AppID != app || app == "" || !json.Valid(got.JSON) {
			t.Errorf("got %s of %q, want JSON of %q only", got.JSON, got.AppID, app)
		}
		_, _ = got.Phone()
	})
}
