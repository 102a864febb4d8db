package answer

//go:generate go run ../errorsdoc ../../docs/errors.md

import (
	"fmt"
	"strconv"
	"strings"

	"wxbase/internal/wechat"
)

// Doc renders docs/errors.md: the catalogue and the errcodes of WeChat, in English and Chinese.
func Doc() string {
	var b strings.Builder
	b.WriteString(errorsIntro)
	b.WriteString("\n| `data.code` | HTTP | message | 说明 | what to do | 怎么办 |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, p := range All() {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s | %s | %s |\n", p.Code, p.Status, p.EN, p.ZH, p.FixEN, p.FixZH)
	}
	b.WriteString(errcodesIntro)
	b.WriteString("\n| errcode | kind | `data.code` | again | hint | 提示 |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, row := range wechat.Errcodes() {
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s | %s | %s |\n",
			errcodeRange(row), row.Kind, problemOf(row.Kind).Code, row.Retry, row.EN, row.ZH)
	}
	return b.String()
}

func errcodeRange(row wechat.Errcode) string {
	if row.Last == 0 {
		return strconv.Itoa(row.Code)
	}
	return strconv.Itoa(row.Code) + " to " + strconv.Itoa(row.Last)
}

const errorsIntro = `<!-- made by go generate ./... from internal/answer and internal/wechat/errcodes.go; do not edit -->

# Errors · 错误码

An error is answered as PocketBase does it, with our stable code in ` + "`data.code`" + `. Programs look at the code, never at the message:
the messages may change. WeChat's own ` + "`errcode` and `rid`" + ` (its request id) are there when WeChat answered. What the cause was is in the log.

错误的格式与 PocketBase 相同，稳定的错误码在 ` + "`data.code`" + ` 里。程序只应判断错误码，不要判断 message（文字可能修改）。微信有答复时，还会带上微信的
` + "`errcode` 和 `rid`" + `（请求编号）。具体原因见服务器日志。

` + "```json" + `
{"status": 400, "message": "The code is invalid or has expired. Get a new one on the phone.",
 "data": {"code": "wx_code_invalid", "errcode": 40029, "rid": "62de9a0b-7149b5f1-2eee4908"}}
` + "```" + `

Some errors say more: ` + "`data.product`" + ` is the id of the product that is missing, sold out or has a bad quantity, ` + "`data.reason`" + ` says in English
what is wrong with the parameters of a code, a link, a message, a check or a shipment, ` + "`data.most`" + ` is the limit of a user's day, ` + "`data.field`" + ` the field
whose content was refused. What PocketBase refuses by itself has no ` + "`data.code`" + `: 401 without a valid token, 403 and 404
of a route or file, 413 for a body that is too long (64 KiB here), 429 for too many requests from one address.

有些错误还带有：` + "`data.product`" + ` 缺货、下架或数量不对的商品的 id，` + "`data.reason`" + ` 小程序码、链接、消息、检测或发货信息的参数错在哪里（英文），` + "`data.most`" + ` 每个用户每天的上限，` + "`data.field`" + ` 内容被拒的字段。PocketBase 自己拒绝的请求没有
` + "`data.code`" + `：401 未登录或令牌失效，403 和 404 路由或文件，413 请求体过长（此处上限 64 KiB），429 同一地址请求过多。

## Codes · 错误码表
`

const errcodesIntro = `
## WeChat's errcodes · 微信返回码

What WeChat answers, and which code of ours it becomes. "again" says when the same request may be sent again: never (not without a
change), backoff (after a short pause; the server has done that three times already), refresh (with a new access token; the server does
it by itself), window (in the next minute), day (when the count starts anew), action (after the owner or the user did something). The
exceptions: where a code is made 41030 is ` + "`code_page_unpublished`" + `, 45009 ` + "`wx_rate_limited`" + ` and 45029 ` + "`code_quota_exhausted`" + `; 85400 is
` + "`link_quota_exhausted`" + `, 43101 ` + "`message_not_subscribed`" + `, and 10060003 ` + "`shipment_corrected`" + `.

微信返回的 errcode 以及对应的我们的错误码。again 一列表示同一个请求何时可以重试：never 不改不行，backoff 稍候（服务器已自动试过三次），refresh 换新的
access_token（服务器自动处理），window 下一分钟，day 次日或次月，action 需要管理员或用户先操作。例外：生成小程序码时 41030 对应 ` + "`code_page_unpublished`" + `，45009 对应 ` + "`wx_rate_limited`" + `，45029 对应 ` + "`code_quota_exhausted`" + `；85400 对应 ` + "`link_quota_exhausted`" + `，43101 对应 ` + "`message_not_subscribed`" + `，10060003 对应 ` + "`shipment_corrected`" + `。
`
