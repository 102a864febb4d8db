package wxpay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"
)

// Currency is the only currency of a mainland merchant.
const Currency = "CNY"

// PrepayRequest is an order as it is placed at WeChat. The gateway adds the merchant number.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791897 (小程序下单).
type PrepayRequest struct {
	AppID, OpenID string // the payer's openid in this very mini program; only of JSAPI
	OutTradeNo    string // our number: 6 to 32 of 0-9 A-Z a-z _ - | *
	Description   string // what the payer reads in the bill, at most 127 bytes
	Attach        string // comes back with the trade, at most 128 bytes; may be empty
	NotifyURL     string // absolute, no query, at most 255 bytes; https in production
	PayerIP       string // may be empty, except for H5
	Total         Fen
	ExpiresAt     time.Time // the payment deadline, in whole seconds; zero leaves WeChat's seven days

	TradeType string `json:",omitempty"` // JSAPI, Native or H5; empty is JSAPI
}

// Validate returns everything that WeChat would refuse, one sentence each.
func (r PrepayRequest) Validate() error {
	return errors.Join(
		checkToken("appid", r.AppID, 32),
		r.checkWay(),
		checkOutTradeNo(r.OutTradeNo),
		checkText("description", r.Description, 1, 127),
		checkText("attach", r.Attach, 0, 128),
		checkNotifyURL(r.NotifyURL),
		checkIP(r.PayerIP),
		checkTotal(r.Total),
		checkExpiry(r.ExpiresAt),
	)
}

// Hash identifies the parameters: WeChat accepts a number again only with all of them unchanged. It has 64 hex digits,
// and is equal for two requests that are equal on the wire.
//
// note: PayerIP counts. A second attempt from another network sends the first attempt's address.
func (r PrepayRequest) Hash() string {
	fields := []string{
		"prepay/1", r.AppID, r.OpenID, r.OutTradeNo, r.Description, r.Attach, r.NotifyURL, r.PayerIP,
		strconv.FormatInt(int64(r.Total), 10), formatExpiry(r.ExpiresAt),
	}
	if r.Way() != JSAPI { // note: hashes of JSAPI are stored without
		fields = append(fields, r.Way())
	}
	sum := sha256.New()
	for _, field := range fields {
		// the length in front tells "ab"+"c" from "a"+"bc".
		fmt.Fprintf(sum, "%d:%s\n", len(field), field)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// beijing returns the second in Beijing time, which has no summer time.
func beijing(t time.Time) time.Time {
	return t.In(beijingZone()).Truncate(time.Second)
}

func beijingZone() *time.Location { return time.FixedZone("", 8*60*60) }

// formatExpiry writes time_expire: RFC 3339, +08:00, whole seconds. The documents do not say whether WeChat accepts Z
// or a fraction.
func formatExpiry(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return beijing(t).Format(time.RFC3339)
}

// checkOutTradeNo also refuses slashes and question marks, because the number becomes part of a path.
func checkOutTradeNo(number string) error {
	if len(number) < 6 || len(number) > 32 {
		return errors.New("out_trade_no must have 6 to 32 characters")
	}
	for _, c := range []byte(number) {
		if !isAlphanumeric(c) && c != '_' && c != '-' && c != '|' && c != '*' {
			return errors.New("out_trade_no must consist of 0-9 A-Z a-z _ - | *")
		}
	}
	return nil
}

// checkToken checks an id that WeChat issued.
func checkToken(name, value string, limit int) error {
	if value == "" || len(value) > limit {
		return fmt.Errorf("%s must have 1 to %d characters", name, limit)
	}
	for _, c := range []byte(value) {
		if !isAlphanumeric(c) && c != '_' && c != '-' {
			return fmt.Errorf("%s must consist of 0-9 A-Z a-z _ -", name)
		}
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// checkPrepayID only refuses what would break the lines that paySign signs: the id is WeChat's.
func checkPrepayID(id string) error {
	if id == "" || len(id) > 64 {
		return errors.New("prepay_id must have 1 to 64 characters")
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return errors.New("prepay_id must be visible ASCII")
		}
	}
	return nil
}

// checkText counts bytes, as WeChat does although its documents say characters: it refuses 69 characters of 135 bytes.
func checkText(name, value string, least, most int) error {
	if n := len(value); !utf8.ValidString(value) || n < least || n > most {
		return fmt.Errorf("%s must be UTF-8 text of %d to %d bytes", name, least, most)
	}
	return nil
}

// checkRunes counts characters.
func checkRunes(name, value string, least, most int) error {
	if n := utf8.RuneCountInString(value); !utf8.ValidString(value) || n < least || n > most {
		return fmt.Errorf("%s must be UTF-8 text of %d to %d characters", name, least, most)
	}
	return nil
}

// note: plain http is let through for a WeChat on this machine; WeChat itself insists on https.
func checkNotifyURL(address string) error {
	parsed, err := url.Parse(address)
	if err != nil || len(address) > 255 || parsed.Host == "" || parsed.User != nil ||
		parsed.Scheme != "https" && parsed.Scheme != "http" {
		return errors.New("notify_url must be an absolute URL of at most 255 bytes")
	}
	if parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" {
		return errors.New("notify_url must not have a query or a fragment")
	}
	return nil
}

// checkIP refuses a port and a zone.
func checkIP(ip string) error {
	if ip == "" {
		return nil
	}
	if addr, err := netip.ParseAddr(ip); err != nil || addr.Zone() != "" {
		return errors.New("payer_client_ip must be an IPv4 or IPv6 address")
	}
	return nil
}

// checkTotal has no upper bound because WeChat documents none.
func checkTotal(total Fen) error {
	if total < 1 {
		return errors.New("total must be at least 1 fen")
	}
	return nil
}

// checkExpiry does not compare with now: a repeated call carries the first one's time, however late.
func checkExpiry(at time.Time) error {
	if year := beijing(at).Year(); !at.IsZero() && (year < 2000 || year > 9999) {
		return errors.New("time_expire must be a date of this age")
	}
	return nil
}
