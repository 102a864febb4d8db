// Package scene fits the content of a mini-program code into WeChat's limit of 32 characters.
//
// There are three kinds of *scene*. A *token* (New) names a *payload* in a table: it cannot be guessed. A *packed*
// scene (Pack) is the payload itself, short enough to need no table. Everything else is plain text chosen by a person.
//
// NB! a packed scene is neither secret nor authenticated: anyone can read or make one. Never pack a permission, a price
// or an identity that is trusted later; use a token for those.
//
// Official document: 获取不限制的小程序码
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/qr-code/api_getunlimitedqrcode.html
package scene
