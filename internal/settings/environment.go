package settings

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
)

// environment is what WXBASE_* variables configure: at most one mini program and one merchant.
type environment struct {
	apps        []App
	merchants   []Merchant
	publicURL   string
	allowCustom bool
}

// readEnvironment reads the variables through get. It fails on one that is unreadable or belongs to an id that is not
// set, and never shows a value.
//
// note: a refusal stops the start, because a warning would go unread until the first customer meets the problem.
func readEnvironment(get func(string) string, plain bool) (environment, error) {
	e := environment{allowCustom: get("WXBASE_ALLOW_CUSTOM_BASE") == "1"}
	var err error
	if e.publicURL, err = checkPublicURL(get("WXBASE_PUBLIC_URL"), plain || e.allowCustom); err != nil {
		return e, fmt.Errorf("WXBASE_PUBLIC_URL %w", err)
	}
	if err := checkHalfSet(get, e.allowCustom); err != nil {
		return e, err
	}
	if id := get("WXBASE_APPID"); id != "" {
		e.apps = append(e.apps, App{
			AppID: id, Secret: get("WXBASE_APP_SECRET"), APIBase: originOf(get("WXBASE_API_BASE"), OfficialAPIBase), PushToken: get("WXBASE_PUSH_TOKEN"),
			PushAESKey: get("WXBASE_PUSH_AES_KEY"), PushMode: get("WXBASE_PUSH_MODE"), LinkRule: get("WXBASE_LINK_RULE"), EnvVersion: "release", MchID: get("WXBASE_MCH_ID"), Source: SourceEnvironment,
		})
	}
	if id := get("WXBASE_MCH_ID"); id != "" {
		m, err := environmentMerchant(id, get)
		if err != nil {
			return e, err
		}
		e.merchants = append(e.merchants, m)
	}
	return e, nil
}

// checkHalfSet refuses secrets whose owner is not named, and values that the dashboard would refuse: a typo there would look like "not
// configured".
func checkHalfSet(get func(string) string, custom bool) error {
	if get("WXBASE_APP_SECRET") != "" && get("WXBASE_APPID") == "" {
		return errors.New("WXBASE_APP_SECRET is set, but WXBASE_APPID is not")
	}
	for _, name := range []string{"WXBASE_MCH_PRIVATE_KEY", "WXBASE_APIV3_KEY", "WXBASE_APIV2_KEY"} {
		if get(name) != "" && get("WXBASE_MCH_ID") == "" {
			return fmt.Errorf("%s is set, but WXBASE_MCH_ID is not", name)
		}
	}
	for _, c := range checkedSettings() {
		if problem := checkValue(c.field, get(c.variable), custom); problem != "" {
			return fmt.Errorf("%s %s", c.variable, problem)
		}
	}
	return nil
}

func environmentMerchant(mchID string, get func(string) string) (Merchant, error) {
	privateKey, err := pemOrFile("WXBASE_MCH_PRIVATE_KEY", get, isPrivateKey)
	if err != nil {
		return Merchant{}, err
	}
	publicKey, err := pemOrFile("WXBASE_PAY_PUBLIC_KEY", get, isPublicKey)
	if err != nil {
		return Merchant{}, err
	}
	certificate, err := pemOrFile("WXBASE_MCH_CERTIFICATE", get, isCertificate)
	if err != nil {
		return Merchant{}, err
	}
	return Merchant{
		SignType: get("WXBASE_PAY_SIGN_TYPE"), Certificate: certificate,
		MchID: mchID, API: cmp.Or(get("WXBASE_PAY_API"), "v3"), CertSerial: get("WXBASE_MCH_SERIAL"), PrivateKey: privateKey,
		APIv3Key: get("WXBASE_APIV3_KEY"), APIv2Key: get("WXBASE_APIV2_KEY"), PublicKeyID: get("WXBASE_PAY_PUBLIC_KEY_ID"),
		PublicKey: publicKey, VerifyMode: cmp.Or(get("WXBASE_PAY_VERIFY"), "publicKey"), PayBase: originOf(get("WXBASE_PAY_BASE"), OfficialPayBase), Source: SourceEnvironment,
	}, nil
}

// pemOrFile reads a variable that holds PEM text or the path of a PEM file. In text, \n may stand for a line break.
func pemOrFile(name string, get func(string) string, valid func(text string) bool) (string, error) {
	value := get(name)
	if value == "" {
		return "", nil
	}
	text := strings.ReplaceAll(value, `\n`, "\n")
	if !strings.Contains(value, "-----BEGIN") {
		raw, err := os.ReadFile(value) //nolint:gosec // the operator names the file
		if err != nil {
			// note: the error of the file system is left out, because it repeats the value, which may be a key pasted wrongly
			return "", fmt.Errorf("%s is neither PEM text nor a readable file", name)
		}
		text = string(raw)
	}
	if !valid(text) {
		return "", fmt.Errorf("%s holds no RSA key of the right kind in PEM", name)
	}
	return text, nil
}
