package answer

import "net/http"

// Customer messages, in the dashboard and for programs.
var (
	ChatNotFound = Problem{
		Code: "chat_not_found", Status: http.StatusNotFound,
		EN:    "There is no such chat, or it has no such picture: nobody can be written to who has not written first.",
		ZH:    "没有这个会话，或会话中没有这张图片：用户先发消息，商家才能回复",
		FixEN: "Load the list again. To somebody who never wrote, send a subscribe message.",
		FixZH: "请刷新列表。对从未发过消息的用户，请发送订阅消息。",
	}
	ChatClosed = Problem{
		Code: "chat_closed", Status: http.StatusConflict,
		EN:    "WeChat takes no answer any more: the customer wrote more than 48 hours ago, or opened the chat more than a minute ago and wrote nothing.",
		ZH:    "微信不再接受回复：距用户上次发消息已超过 48 小时，或用户进入会话已超过 1 分钟且没有发消息",
		FixEN: "Wait until the customer writes again, or send a subscribe message that they have agreed to. WeChat was not called, or said 45015.",
		FixZH: "请等用户再次发消息，或发送用户已订阅的消息。此时不会调用微信，或微信返回了 45015。",
	}
	ChatUsedUp = Problem{
		Code: "chat_used_up", Status: http.StatusConflict,
		EN:    "All answers to the customer's last message are sent: five after a message, two after the chat was opened.",
		ZH:    "对用户上一条消息的回复次数已用完：发消息后 5 条，进入会话后 2 条",
		FixEN: "Wait until the customer writes again; that gives five more. WeChat was not called, or said 45047.",
		FixZH: "用户再次发消息后可再回复 5 条。此时不会调用微信，或微信返回了 45047。",
	}
)

// chatProblems are those above.
func chatProblems() []Problem { return []Problem{ChatNotFound, ChatClosed, ChatUsedUp} }
