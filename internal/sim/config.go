package sim

// Config is what a backend needs to use the simulator. It holds secrets and private keys; its String methods omit them.
type Config struct {
	APIBase   string           `json:"apiBase"` // stands for https://api.weixin.qq.com
	PayBase   string           `json:"payBase"` // stands for https://api.mch.weixin.qq.com
	Apps      []AppConfig      `json:"apps"`
	Merchants []MerchantConfig `json:"merchants"`
}

// AppConfig is one mini program: what its owner copies from the console of mp.weixin.qq.com.
type AppConfig struct {
	AppID      string `json:"appid"`
	Secret     string `json:"secret"`
	PushToken  string `json:"pushToken"`
	PushAESKey string `json:"pushAesKey"`           // 43 characters of base64
	PushURL    string `json:"pushUrl,omitempty"`    // where messages and events go; empty until it is set, see Push
	PushMode   string `json:"pushMode,omitempty"`   // plain, compatible or safe
	PushFormat string `json:"pushFormat,omitempty"` // json or xml

	XpayOfferID    string `json:"xpayOfferId,omitempty"` // virtual payment: the live and the sandbox AppKey are two
	XpayKey        string `json:"xpayKey,omitempty"`
	XpaySandboxKey string `json:"xpaySandboxKey,omitempty"`
}

// String names the mini program without its secrets.
func (a AppConfig) String() string { return "mini program " + a.AppID }

// MerchantConfig is one merchant: what its owner downloads from pay.weixin.qq.com. Keys and certificates are PEM text.
type MerchantConfig struct {
	MchID               string `json:"mchid"`
	CertSerial          string `json:"certSerial"`  // serial number of Certificate, 40 hex digits
	PrivateKey          string `json:"privateKey"`  // apiclient_key.pem
	Certificate         string `json:"certificate"` // apiclient_cert.pem, the merchant's own
	APIV3Key            string `json:"apiV3Key"`    // 32 bytes
	APIV2Key            string `json:"apiV2Key"`    // 32 characters
	PublicKeyID         string `json:"publicKeyId"` // PUB_KEY_ID_...
	PublicKey           string `json:"publicKey"`   // pub_key.pem, WeChat Pay's public key
	PlatformSerial      string `json:"platformSerial"`
	PlatformCertificate string `json:"platformCertificate"` // what GET /v3/certificates gives, for clients that cannot download
	RefundURL           string `json:"refundUrl,omitempty"` // of refunds without a notify_url, see POST /_sim/merchant

	Apps []string `json:"apps,omitempty"` // the mini programs that the merchant is bound to; empty means all
}

// String names the merchant without its keys.
func (m MerchantConfig) String() string { return "merchant " + m.MchID }

// Config returns the address of this simulator and its credentials. The keys of a state folder survive restarts.
func (s *Sim) Config() Config {
	base := *s.base.Load()
	config := Config{APIBase: base, PayBase: base, Apps: s.apps()}
	for _, m := range s.allSellers() {
		config.Merchants = append(config.Merchants, s.configOf(m))
	}
	return config
}

// configOf returns the configuration of one merchant.
func (s *Sim) configOf(m *seller) MerchantConfig {
	s.mu.Lock()
	defer s.mu.Unlock()
	platform := m.platform.Load().now
	return MerchantConfig{
		MchID: m.MchID, CertSerial: m.merchantSerial, PrivateKey: m.MerchantKey, Certificate: m.MerchantCert,
		APIV3Key: m.APIV3Key, APIV2Key: m.APIV2Key, PublicKeyID: m.PublicKeyID, PublicKey: m.payPublicPEM,
		PlatformSerial: platform.serial, PlatformCertificate: platform.cert, RefundURL: s.settings(m.MchID).RefundURL, Apps: m.apps,
	}
}
