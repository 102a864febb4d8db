// Package wechat is our client of api.weixin.qq.com, the server side of a WeChat mini program.
//
// A [Client] serves one mini program: login codes, session keys, phone numbers, mini program codes, links, subscribe
// messages, content checks, shipping, and the access token behind most of them. [VerifySignature] and [DecryptOpenData]
// check what a phone sends us, a [PushCodec] what WeChat pushes to us; they need no network.
//
// Three rules hold for every call. First, the body decides the outcome: an absent errcode is success, numbers may be
// strings, Content-Type is ignored, redirects are refused, and every answer has a size limit. Second, a request is
// repeated only if that is harmless: -1 always, a broken connection only if the call can be done twice. A login code
// works once, so code2Session is not repeated after an unknown outcome; the phone must call wx.login again. Third,
// errors and logs never contain AppSecret, session_key or access_token.
//
// The words: the *breaker* holds calls back while WeChat does not answer ([WithBreaker],
// docs/adr/0007-circuit-breaker.md), so that an outage does not pile up; the *line* limits the running and waiting
// requests ([WithBound]); a *trail* records a call's progress. Every finished call is reported to an observer
// ([WithObserver]) and, if it failed, to the log with WeChat's request id. Processes that share a [TokenStore] share
// the token; with a [TokenLocker] they also renew it one at a time.
//
// Failures are [*Error] values; [KindOf] sorts them into a closed set and [Errcodes] is the table behind it.
//
// Documents of WeChat are named relative to https://developers.weixin.qq.com/miniprogram/dev/.
package wechat
