// Package wechat is our client of api.weixin.qq.com, the server side of a WeChat mini program.
//
// A [Client] serves one mini program: login codes, session keys, phone numbers, mini program codes, links, subscribe
// messages, content checks, shipping, and the access token behind most of them. [VerifySignature] and [DecryptOpenData]
// check what a phone sends us, a [PushCodec] what WeChat pushes to us; they need no network.
//
// Three rules hold for every call. First, the outcome is read from the body: an absent errcode is success, numbers may
// be strings, Content-Type is ignored, redirects are refused, and every answer has a size limit. Second, a request is
// repeated only where that is harmless: -1 always, a broken connection only if the call can be done twice. A login code
// works once, so code2Session after an unknown outcome is not repeated; the phone must call wx.login again. Third,
// AppSecret, session_key and access_token appear in no error and no log.
//
// An outage does not pile up: calls are held back while WeChat gives no answer ([WithBreaker], docs/adr/0007), and
// requests under way are bounded ([WithBound]). Every finished call is told to an observer ([WithObserver]) and, if it
// failed, to the log with WeChat's request id. Processes that share a [TokenStore] share the token; with a
// [TokenLocker] they also take turns in renewing it.
//
// Failures are [*Error] values; [KindOf] sorts them into a closed set and [Errcodes] is the table behind it.
//
// Documents of WeChat are named relative to https://developers.weixin.qq.com/miniprogram/dev/.
package wechat
