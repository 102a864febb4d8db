package settings

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/search"
)

// setting is one value that the environment and the dashboard both hold. What one of them refuses the other refuses too.
type setting struct {
	collection, field, variable string
}

// checkedSettings lists them. A private key, a public key and a certificate may be files in the environment; pemOrFile checks them there.
func checkedSettings() []setting {
	return []setting{
		{"wx_apps", "appid", "WXBASE_APPID"},
		{"wx_apps", "secret", "WXBASE_APP_SECRET"},
		{"wx_apps", "apiBase", "WXBASE_API_BASE"},
		{"wx_apps", "pushToken", "WXBASE_PUSH_TOKEN"},
		{"wx_apps", "pushAesKey", "WXBASE_PUSH_AES_KEY"},
		{"wx_apps", "pushMode", "WXBASE_PUSH_MODE"},
		{"wx_apps", "linkRule", "WXBASE_LINK_RULE"}, // as text; see CheckRule
		{"wx_apps", "xpayOfferId", "WXBASE_XPAY_OFFER_ID"},
		{"wx_apps", "xpayKey", "WXBASE_XPAY_KEY"},
		{"wx_apps", "xpaySandboxKey", "WXBASE_XPAY_SANDBOX_KEY"},
		{"wx_apps", "xpayEnv", "WXBASE_XPAY_ENV"},
		{"wx_apps", "xpayAppleRefunds", "WXBASE_XPAY_APPLE_REFUNDS"},
		{"wx_merchants", "mchid", "WXBASE_MCH_ID"},
		{"wx_merchants", "api", "WXBASE_PAY_API"},
		{"wx_merchants", "certSerial", "WXBASE_MCH_SERIAL"},
		{"wx_merchants", "apiV3Key", "WXBASE_APIV3_KEY"},
		{"wx_merchants", "apiV2Key", "WXBASE_APIV2_KEY"},
		{"wx_merchants", "publicKeyId", "WXBASE_PAY_PUBLIC_KEY_ID"},
		{"wx_merchants", "verifyMode", "WXBASE_PAY_VERIFY"},
		{"wx_merchants", "signType", "WXBASE_PAY_SIGN_TYPE"},
		{"wx_merchants", "payBase", "WXBASE_PAY_BASE"},
	}
}

// The shapes of what WeChat hands out.
var (
	appIDShape       = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	mchIDShape       = regexp.MustCompile(`^\d{8,12}$`)
	serialShape      = regexp.MustCompile(`^[0-9A-Fa-f]{1,64}$`)
	publicKeyIDShape = regexp.MustCompile(`^PUB_KEY_ID_\w+$`)
	pushTokenShape   = regexp.MustCompile(`^[0-9A-Za-z]{3,32}$`)
	offerIDShape     = regexp.MustCompile(`^[0-9A-Za-z_-]{4,32}$`)
	xpayKeyShape     = regexp.MustCompile(`^[0-9A-Za-z]{16,128}$`)
	pushKeyShape     = regexp.MustCompile(`^[0-9A-Za-z+/]{43}$`)
)

// checkValue says what is wrong with a value, in words that do not repeat it. An empty value is none.
func checkValue(field, value string, custom bool) string {
	if value == "" {
		return ""
	}
	switch field {
	case "appid":
		return mustMatch(appIDShape, value, "wx and 16 of 0-9 and a-f")
	case "mchid":
		return mustMatch(mchIDShape, value, "8 to 12 digits")
	case "certSerial":
		return mustMatch(serialShape, value, "hex digits, at most 64, without colons")
	case "publicKeyId":
		return mustMatch(publicKeyIDShape, value, "PUB_KEY_ID_ and what follows it at WeChat Pay")
	case "xpayOfferId":
		return mustMatch(offerIDShape, value, "the OfferID of the console of virtual payment")
	case "xpayAppleRefunds":
		return mustBe(value, "agree", "refuse")
	case "xpayEnv":
		return mustBe(value, XpayLive, XpaySandbox)
	case "pushMode":
		return mustBe(value, "plain", "compatible", "safe")
	case "api":
		return mustBe(value, "v3", "v2")
	case "verifyMode":
		return mustBe(value, "publicKey", "certificate", "both")
	case "signType":
		return mustBe(value, "HMAC-SHA256", "MD5")
	case "apiBase", "payBase":
		return checkBase(value, custom)
	}
	return checkSecret(field, value)
}

func mustMatch(shape *regexp.Regexp, value, words string) string {
	if shape.MatchString(value) {
		return ""
	}
	return "must be " + words
}

func mustBe(value string, words ...string) string {
	if slices.Contains(words, value) {
		return ""
	}
	last := len(words) - 1
	return "must be " + strings.Join(words[:last], ", ") + " or " + words[last]
}

// checkPublicURL gives the origin where WeChat reaches this server. WeChat notifies over https only; plain http is for another WeChat, such
// as a simulator.
func checkPublicURL(text string, plain bool) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", errors.New("must be an origin such as https://shop.example.com")
	case u.Scheme == "http" && !plain:
		return "", errors.New("must begin with https://, because WeChat notifies over https only")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "", errors.New("must be an origin such as https://shop.example.com, without a path or anything else after the host")
	}
	return u.Scheme + "://" + u.Host, nil
}

// isOwnMachine tells whether an origin is a loopback address.
func isOwnMachine(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// CheckRule says why a filter over a collection could never be evaluated. The empty rule is none.
func CheckRule(app core.App, collection, rule string) error {
	if strings.TrimSpace(rule) == "" {
		return nil
	}
	c, err := app.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		return fmt.Errorf("find %s: %w", collection, err)
	}
	resolver := core.NewRecordFieldResolver(app, c, &core.RequestInfo{Context: core.RequestInfoContextDefault}, true)
	expr, err := search.FilterData(rule).BuildExpr(resolver)
	if err != nil {
		return err
	}
	query := app.RecordQuery(c).Select("(1)").AndWhere(expr).Limit(1)
	if err := resolver.UpdateQuery(query); err != nil {
		return err
	}
	return nil
}

// lacks names what a merchant needs before it can take a payment. A row may be filled in steps, so it is advice.
func (m Merchant) lacks() (missing []string) {
	need := func(value, name string) {
		if value == "" {
			missing = append(missing, name)
		}
	}
	if m.API == "v2" {
		need(m.APIv2Key, "the APIv2 key")
		return missing
	}
	need(m.CertSerial, "the serial number of its certificate")
	need(m.PrivateKey, "its private key")
	need(m.APIv3Key, "the APIv3 key")
	if m.VerifyMode != "certificate" {
		need(m.PublicKeyID, "the id of the WeChat Pay public key")
		need(m.PublicKey, "the WeChat Pay public key")
	}
	return missing
}
