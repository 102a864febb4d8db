// Package scene fits what a mini-program code should say into the at most 32
// characters that WeChat lets a code carry.
//
// There are three kinds of scene. A token (New) names a payload that lies in a
// table: nobody can guess it. A packed scene (Pack) is the payload itself, short
// enough to need no table. Everything else is plain text that somebody chose.
//
// NB! a packed scene is neither secret nor authenticated: anybody can read one and
// anybody can make one. Never pack a right, a price or an identity that is trusted
// later on; use a token for those.
//
// Official document: 获取不限制的小程序码
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/qr-code/api_getunlimitedqrcode.html
package scene
