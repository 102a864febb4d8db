package wechat

import (
	"fmt"
	"io"
	"log/slog"
)

const mask = "***"

// SessionKey is a user's session_key: the base64 text of a 16-byte AES key, as code2Session gave it.
//
// NB! It must never reach the phone. It prints, logs and marshals as "***"; [SessionKey.Reveal] is for storing it
// encrypted. note: fmt cannot call methods on unexported struct fields, so keep it in exported ones.
type SessionKey string

// Reveal returns the key itself.
func (k SessionKey) Reveal() string { return string(k) }

// String returns a mask.
func (k SessionKey) String() string { return mask }

// Format writes a mask for every verb; String alone would not cover %d or %#v.
func (k SessionKey) Format(f fmt.State, _ rune) { redact(f, mask) }

// LogValue returns a mask.
func (k SessionKey) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalJSON returns a mask. note: JSON loses the key.
func (k SessionKey) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText returns a mask, for encoders other than JSON. note: as a map key it is written unmasked.
func (k SessionKey) MarshalText() ([]byte, error) { return []byte(mask), nil }

// String names the app without its secret.
func (a App) String() string { return "wechat.App(" + a.AppID + ")" }

// Format writes [App.String] for every verb.
func (a App) Format(f fmt.State, _ rune) { redact(f, a.String()) }

// LogValue names the app without its secret.
func (a App) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalJSON names the app without its secret.
func (a App) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", a.AppID), nil }

// String shows the token's end, without its value.
func (t Token) String() string {
	if t.Value == "" {
		return "wechat.Token(none)"
	}
	return "wechat.Token(until " + t.ExpiresAt.UTC().Format("2006-01-02T15:04:05Z") + ")"
}

// Format writes [Token.String] for every verb.
func (t Token) Format(f fmt.State, _ rune) { redact(f, t.String()) }

// LogValue shows the token's end, without its value.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON shows the token's end, without its value. note: a TokenStore writes the fields, not the JSON.
func (t Token) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", t.String()), nil }

// String names the app without its token and key.
func (c PushConfig) String() string { return "wechat.PushConfig(" + c.AppID + ")" }

// Format writes [PushConfig.String] for every verb.
func (c PushConfig) Format(f fmt.State, _ rune) { redact(f, c.String()) }

// LogValue names the app without its token and key.
func (c PushConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON names the app without its token and key.
func (c PushConfig) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", c.AppID), nil }

// Format names only the codec's app.
func (p *PushCodec) Format(f fmt.State, _ rune) { redact(f, "wechat.PushCodec("+p.config.AppID+")") }

// Format names only the client's app.
func (c *Client) Format(f fmt.State, _ rune) { redact(f, "wechat.Client("+c.app.AppID+")") }

func redact(f fmt.State, s string) { _, _ = io.WriteString(f, s) }
