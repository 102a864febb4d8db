package v2

import "strings"

// ContentType is the type of [Acknowledge], of [Refuse] and of every call.
const ContentType = "text/xml; charset=utf-8"

// maxReplyMessage limits return_msg, in characters.
const maxReplyMessage = 128

// Acknowledge is the answer to a processed notification of either kind: WeChat does not repeat it. Write it after the
// commit.
//
// note: it has no white space, because line breaks are said to make WeChat repeat.
func Acknowledge() []byte { return reply(wordSuccess, "OK") }

// Refuse is the answer that makes WeChat repeat a notification, up to 15 times in a day. It shows the first 128
// characters of message.
func Refuse(message string) []byte { return reply(wordFail, message) }

// reply is written by hand to keep the documents' order of the two elements.
func reply(code, message string) []byte {
	message = cleanText(message)
	if runes := []rune(message); len(runes) > maxReplyMessage {
		message = string(runes[:maxReplyMessage])
	}
	message = strings.ReplaceAll(message, "]]>", "]]]]><![CDATA[>")
	return []byte("<xml><return_code><![CDATA[" + code + "]]></return_code><return_msg><![CDATA[" + message + "]]></return_msg></xml>")
}
