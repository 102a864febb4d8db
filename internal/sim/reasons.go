package sim

import (
	"regexp"
	"strings"
)

// pattern is a reason with variable parts; the replacement refers to them by ${1} and so on.
type pattern struct {
	from *regexp.Regexp
	to   string
}

func patterns(pairs ...string) []pattern {
	list := make([]pattern, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, pattern{regexp.MustCompile("^" + pairs[i] + "$"), pairs[i+1]})
	}
	return list
}

// inChinese translates a reason, empty for an untranslated one. note: the table is reasonsZH, and a test compares it
// with every reason in the code.
func inChinese(reason string) string {
	if said, known := reasonsZH[reason]; known {
		return said
	}
	for _, p := range reasonPatterns {
		if p.from.MatchString(reason) {
			return p.from.ReplaceAllString(reason, p.to)
		}
	}
	return ""
}

// inEnglish translates what WeChat Pay says about a field.
func inEnglish(issue string) string {
	if said, known := issuesEN[issue]; known {
		return said
	}
	for _, p := range issuePatterns {
		if p.from.MatchString(issue) {
			return p.from.ReplaceAllString(issue, p.to)
		}
	}
	return issue
}

var reasonPatterns = patterns(
	`([a-z_]+) is missing`, `缺少${1}`,
	`([a-z_]+) has a wrong form`, `${1}格式错误`,
	`([a-z_]+) has (\d+) bytes, more than (\d+)`, `${1}有${2}字节，超过${3}字节`,
	`([a-z_]+) is more than (\d+) fen`, `${1}超过${2}分`,
	`the object ([a-z]+) is missing or empty`, `对象${1}缺失或为空`,
	`([a-z]+\d+) holds a sensitive word`, `${1}含敏感词`,
	`no such (.+) of this mini program`, `该小程序没有这个${1}`,
	`the order is younger than (.+)`, `订单生成还不到${1}`,
	`the refund is ([A-Z]+); only ABNORMAL can be sent elsewhere`, `退款状态为${1}，只有ABNORMAL可以发起异常退款`,
	`more calls of (\S+) in a day than (\S+)`, `${1}当天调用次数超过${2}`,
	`more than (\d+) calls of stable_token in a (day|minute)`, `stable_token调用超过${1}次（${2}）`,
	`more (.+) in a (second|minute|day) than (\S+)`, `${1}在一个周期（${2}）内超过${3}`,
	`more (.+) than (\S+)`, `${1}超过${2}`,
	`the same media_url more often in a minute than (\S+)`, `同一media_url每分钟超过${1}`,
	`sign is not the (\S+) over all fields that came`, `sign不是对所有收到的字段计算的${1}`,
	`the path exists, but not for ([A-Z]+)`, `路径存在，但不支持${1}`,
	`(\S+ \S+) is not simulated, or no path of WeChat Pay`, `${1}未被模拟，或不是微信支付的路径`,
	`path must be a page with (\S+) in its query`, `path必须是页面，且查询串中含${1}`,
	`the signature does not verify over "(?s:.*)"`, `签名与请求不符`,
	`timestamp (\S+) is more than 5 minutes off (\d+)`, `时间戳${1}与${2}相差超过5分钟`,
	`the header Authorization (?s:.*)`, `Authorization头格式错误`,
	`a value of the template (.+) is missing or breaks the limits of its type`, `模板「${1}」的某个值缺失或超出其类型的限制`,
	`(?s:the body is not the JSON object that the call wants.*)`, `请求体不是该接口要求的JSON对象`,
	`there is no order in (\S+) to pay: make one with your backend first`, `没有可支付的订单（${1}），请先用你的后端下单`,
)

var issuePatterns = patterns(
	`字节数 (\d+)，大于最大值 (\d+)`, `has ${1} bytes, at most ${2} are allowed`,
	`值低于最小值 (\d+)`, `is less than ${1}`,
	`值高于最大值 (\d+)`, `is more than ${1}`,
	`类型错误，应为(\w+)`, `has a wrong type: ${1} is wanted`,
)

// issuesEN translates WeChat Pay's words about fields.
var issuesEN = map[string]string{
	"缺少必填参数":       "is missing",
	"缺少必填参数mchid":  "is missing from the query",
	"必填参数不能为空":     "is empty",
	"参数中含有非法的额外参数": "is a field that this call does not have",
	"商户订单号须为6至32个字符，只能是数字、大小写字母_-|*":           "must be 6 to 32 characters: digits, letters, _-|*",
	"商户退款单号须为1至64个字符，只能是数字、大小写字母_-|*@":         "must be 1 to 64 characters: digits, letters, _-|*@",
	"时间须为RFC3339格式，如2018-06-08T10:34:56+08:00": "must be a time of RFC 3339, such as 2018-06-08T10:34:56+08:00",
	"货币类型只能是CNY":                                   "must be CNY",
	"不是合法的IP地址":                                    "is no IP address",
	"通知地址不是合法的URL":                                 "is no address",
	"通知地址不能携带查询串或锚点":                               "must not have a query or a fragment",
	"通知地址必须为https":                                 "must be https (http on this machine)",
	"支付结束时间不能晚于7天":                                 "is more than 7 days ahead",
	"支付结束时间不能早于当前时间":                               "lies in the past",
	"mchid与Authorization中的mchid不一致":                "is another mchid than that of Authorization",
	"无效的openid":                                    "is no openid of this mini program",
	"transaction_id和out_trade_no须二选一":              "transaction_id or out_trade_no is needed",
	"退款金额不能大于订单金额":                                 "is more than the order's amount",
	"出资金额不能大于退款金额":                                 "holds more than the refund's amount",
	"出资金额之和须等于退款金额":                                "does not add up to the refund's amount",
	"退款资金来源只能是AVAILABLE或UNSETTLED":                 "must be AVAILABLE or UNSETTLED",
	"出资账户类型只能是AVAILABLE或UNAVAILABLE":               "must be AVAILABLE or UNAVAILABLE",
	"异常退款处理方式只能是USER_BANK_CARD或MERCHANT_BANK_CARD": "must be USER_BANK_CARD or MERCHANT_BANK_CARD",
	"敏感字段解密失败":                                     "cannot be decrypted with the key that Wechatpay-Serial names",
	"账单日期格式须为yyyy-MM-dd":                           "must be a day, yyyy-MM-dd",
	"账单类型只能是ALL、SUCCESS或REFUND":                    "must be ALL, SUCCESS or REFUND",
	"压缩类型只能是GZIP":                                  "must be GZIP or left out",
	"资金账户类型只能是BASIC、OPERATION或FEES":                "must be BASIC, OPERATION or FEES",
	"请求报文不是合法的JSON":                                "is no JSON object",
}

// fieldSaid is a wrong field, for the list of calls.
type fieldSaid struct {
	Field  string `json:"field"` // a JSON pointer, or the name in the query
	Value  any    `json:"value,omitempty"`
	Says   string `json:"says"`
	SaysZH string `json:"says_zh"`
}

// said returns what is wrong with a field in both languages.
func (d *payDetail) said() *fieldSaid {
	return &fieldSaid{Field: d.Field, Value: d.Value, Says: inEnglish(d.Issue), SaysZH: d.Issue}
}

// text returns field and problem in one line.
func (f *fieldSaid) text() string { return strings.TrimSpace(f.Field + " " + f.Says) }
