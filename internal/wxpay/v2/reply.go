package v2

import "strings"

// ContentType is what goes with [Acknowledge] and [Refuse], and with every call.
const ContentType = "text/xml; charset=utf-8"

// maxReplyMessage is the length of return_msg, in characters.
const maxReplyMessage = 128

// Acknowledge is the body of the answer to a notification of either kind that was dealt with: WeChat does not send
// it again. Write it after the commit.
//
// note: not a blank more: line breaks in it are said to make WeChat send again.
func Acknowledge() []byte { return reply(wordSuccess, "OK") }

// Refuse is the body of the answer that makes WeChat send a notification again, up to 15 times in a day. It shows
// the first 128 characters of message.
func Refuse(message string) []byte { return reply(wordFail, message) }

// reply is written by hand: the order of the two is that of the documents.
func reply(code, message string) []byte {
	message = cleanText(message)
	if runes := []rune(message); len(runes) > maxReplyMessage {
		message = string(runes[:maxReplyMessage])
	}
	message = strings.ReplaceAll(message, "]]>", "]]]]><![CDATA[>")
	return []byte("<xml><return_code><![CDATA[" + code + "]]></return_code><return_msg><![CDATA[" + message + "]]></return_msg></xml>")
}
