package sim

import (
	"strings"
	"unicode/utf8"
)

// finding is the cause of a refused signature, for the list of calls. WeChat itself never says it.
type finding struct {
	Mistake  string     `json:"mistake"`   // one of mistakes, or several with a + between them
	Says     string     `json:"says"`      // in English
	SaysZH   string     `json:"says_zh"`   // in Chinese
	Signed   string     `json:"signed"`    // the text that was signed; empty when it is unknown
	Expected string     `json:"expected"`  // the text that should have been signed
	Diff     []diffLine `json:"diff"`      // the lines of both
	KeyKnown bool       `json:"key_known"` // the merchant's own key made the signature, over another text
}

// diffLine is one line of a signed text in both forms. At is the first byte that differs, -1 when equal.
type diffLine struct {
	Name     string `json:"name"`
	Signed   string `json:"signed"`
	Expected string `json:"expected"`
	At       int    `json:"at"`
}

// newFinding looks up the words for a mistake.
func newFinding(mistake string) *finding {
	f := &finding{Mistake: mistake, Diff: []diffLine{}}
	for name := range strings.SplitSeq(mistake, "+") {
		said := mistakes()[name]
		f.Says, f.SaysZH = strings.TrimPrefix(f.Says+" "+said.en, " "), f.SaysZH+said.zh
	}
	return f
}

// compare lists both texts line by line. The last line contains the rest, since a body may have line ends.
func (f *finding) compare(names []string, signed, expected string) *finding {
	f.Signed, f.Expected = clip(signed, keptBody), clip(expected, keptBody)
	got, want := strings.SplitN(signed, "\n", len(names)), strings.SplitN(expected, "\n", len(names))
	for i, name := range names {
		line := diffLine{Name: name, At: -1}
		a, b := at(got, i), at(want, i)
		if signed != "" && a != b {
			line.At = firstDifference(a, b)
		}
		line.Signed, line.Expected = around(a, line.At), around(b, line.At)
		if i == len(names)-1 { // make the last line end visible: it is the one most often forgotten
			line.Signed, line.Expected = strings.ReplaceAll(line.Signed, "\n", "⏎"), strings.ReplaceAll(line.Expected, "\n", "⏎")
		}
		f.Diff = append(f.Diff, line)
	}
	return f
}

// at returns the element, empty past the end.
func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

// firstDifference returns the first byte at which two texts differ, moved to the start of its character.
func firstDifference(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	for i > 0 && (i < len(a) && !utf8.RuneStart(a[i]) || i < len(b) && !utf8.RuneStart(b[i])) {
		i--
	}
	return i
}

// shownAround is how many bytes of a long line are shown before the difference.
const shownAround = 400

// around cuts a long line to the part with the difference.
func around(line string, at int) string {
	if start := at - shownAround; start > 0 && len(line) > keptBody {
		return "..." + clip(strings.ToValidUTF8(line[start:], ""), 2*shownAround)
	}
	return clip(line, keptBody)
}

// words is a mistake in both languages.
type words struct{ en, zh string }

// mistakes lists every known mistake in a signature.
func mistakes() map[string]words {
	return map[string]words{
		"milliseconds":   {"The timestamp is in milliseconds; WeChat wants seconds (10 digits).", "时间戳是毫秒，微信要求秒（10位数字）。"},
		"timestamp_form": {"The timestamp is no number of seconds.", "时间戳不是秒数。"},
		"clock_off":      {"The clock of the caller is more than 5 minutes off: set it by NTP.", "调用方的时钟偏差超过5分钟，请用NTP校时。"},

		"wrong_mchid":          {"The mchid in Authorization is not that of the merchant.", "Authorization中的mchid不是该商户的商户号。"},
		"wrong_serial":         {"serial_no is not that of the merchant's API certificate (apiclient_cert.pem).", "serial_no不是商户API证书（apiclient_cert.pem）的序列号。"},
		"serial_of_platform":   {"serial_no is that of WeChat Pay's platform certificate; it has to be the merchant's own.", "serial_no填成了微信支付平台证书的序列号，应为商户API证书的序列号。"},
		"serial_of_public_key": {"serial_no is the id of the WeChat Pay public key, which belongs into Wechatpay-Serial; here it has to be the serial of the merchant's certificate.", "serial_no填成了微信支付公钥ID（应放在Wechatpay-Serial头），此处应为商户API证书的序列号。"},
		"authorization_form":   {"The header Authorization has a wrong form: " + authScheme + " and a space, then name=\"value\" pairs joined by commas.", "Authorization头格式错误：应为" + authScheme + "加一个空格，再加逗号连接的 name=\"value\"。"},
		"base64_no_padding":    {"The signature is base64 without its padding (=).", "签名的base64缺少末尾的填充（=）。"},
		"base64_url":           {"The signature is base64 in the alphabet of addresses (- and _); WeChat wants + and /.", "签名用了URL安全的base64（-和_），微信要求标准base64（+和/）。"},
		"signature_hex":        {"The signature is in hex; WeChat wants base64.", "签名是十六进制，微信要求base64。"},
		"signature_not_base64": {"The signature is not base64.", "签名不是base64。"},
		"wrong_key":            {"The signature was made with another private key than that of the merchant's certificate (or is no RSASSA-PKCS1-v1_5 signature).", "签名所用的私钥与商户证书不匹配（或不是RSASSA-PKCS1-v1_5签名）。"},
		"wrong_hash":           {"The key is right, but another hash was signed than SHA-256.", "私钥正确，但签名的哈希算法不是SHA-256。"},
		"method_case":          {"The method has to be signed in capitals.", "请求方法须以大写参与签名。"},
		"missing_newline":      {"The signed text lacks the newline at its very end; every line has one, an empty body too.", "待签名串末尾缺少换行符：每一行（包括空的请求体）后都要有\\n。"},
		"newline_written_out":  {"The signed text has a backslash and an n in place of newlines.", "待签名串里写的是反斜杠加n，而不是真正的换行符。"},
		"carriage_returns":     {"The lines of the signed text end in \\r\\n; they have to end in \\n.", "待签名串的行以\\r\\n结尾，应为\\n。"},
		"url_without_query":    {"The address was signed without its query; everything from ? on is signed too.", "URL签名时漏掉了查询串，?之后的内容也要参与签名。"},
		"url_decoded":          {"The address was signed decoded; it is signed as it is sent, with its percent signs.", "URL以解码后的形式签名，应按实际发送的（含百分号编码的）形式签名。"},
		"url_with_host":        {"The address was signed with its host; only path and query are signed.", "URL签名时带上了域名，应只签路径和查询串。"},
		"body_reserialised":    {"Another form of the body was signed than was sent: it was serialised twice. Sign the very bytes that go out.", "签名的请求体与发送的请求体序列化结果不同：请对实际发送的字节签名。"},
		"body_left_out":        {"The body was not signed; a POST signs it.", "没有对请求体签名；POST请求须包含请求体。"},
		"timestamp_mismatch":   {"Another timestamp was signed than stands in the header.", "参与签名的时间戳与头中的时间戳不同。"},
		"nonce_mismatch":       {"Another nonce_str was signed than stands in the header (or another address): make it once and use it in both.", "参与签名的随机串与头中的nonce_str不同（或URL不同）：只生成一次，两处使用同一个。"},
		"nonce_or_body":        {"Key, method, address and time are right or unknown to differ: another nonce_str was signed than stands in the header, or another body than was sent.", "私钥正确；参与签名的随机串与头中的nonce_str不同，或请求体与发送的不同。"},
		"key_left_out":         {"The text was signed without &key= and the APIv2 key.", "签名串缺少 &key=APIv2密钥。"},
		"sign_lower_case":      {"The sign is right but in small letters; it has to be in capitals.", "签名值正确但是小写，应为大写。"},
		"other_sign_type":      {"The sign is of the other sign_type; MD5 is the default, and HMAC-SHA256 has to be said in sign_type, which is signed too.", "签名算法与sign_type不符：默认MD5；用HMAC-SHA256须带上sign_type并参与签名。"},
		"empty_fields_signed":  {"Fields without a value were signed; they are left out.", "空值字段参与了签名，应剔除。"},
		"sign_type_not_signed": {"sign_type was sent but not signed.", "sign_type已发送但没有参与签名。"},
		"apiv3_key_used":       {"The APIv3 key was used; API v2 has a key of its own.", "用了APIv3密钥，API v2要用APIv2密钥。"},
		"appid_left_out":       {"appId was not signed.", "appId没有参与签名。"},
		"appid_in_small":       {"appid was signed in small letters; the name is appId.", "签名时写成了appid，应为appId。"},
		"package_without_name": {"package was signed without prepay_id=.", "package签名时缺少prepay_id=前缀。"},
		"wrong_text_or_key":    {"No known mistake: the key is another one, or the signed fields are not those that were sent.", "不是已知的错误：密钥不对，或参与签名的字段与发送的不一致。"},
		"signed_for_other_app": {"The signature is for another mini program.", "签名是为另一个小程序的appid做的。"},
		"unknown_text":         {"The key is right, but the signed text is none that is known.", "私钥正确，但参与签名的内容无法识别。"},
		"user_agent_or_accept": {"User-Agent or Accept is missing.", "缺少User-Agent或Accept头。"},
	}
}
