package answer

import "net/http"

// Rooms and their connections.
var (
	RoomUnknown = Problem{
		Code: "room_unknown", Status: http.StatusNotFound,
		EN:    "There is no such room.",
		ZH:    "没有这个房间",
		FixEN: "The owner makes rooms in the dashboard, collection rooms.",
		FixZH: "请管理员在后台的 rooms 集合中创建。",
	}
	RoomForbidden = Problem{
		Code: "room_forbidden", Status: http.StatusForbidden,
		EN:    "You may not join this room.",
		ZH:    "不能加入这个房间",
		FixEN: "Log in; else the room's joinRule does not let this user in.",
		FixZH: "请先登录；否则是房间的 joinRule 不允许该用户加入。",
	}
	RoomPublish = Problem{
		Code: "room_publish_forbidden", Status: http.StatusForbidden,
		EN:    "You may not publish in this room.",
		ZH:    "不能在这个房间发布",
		FixEN: "Log in; else the room's publishRule does not let this user speak.",
		FixZH: "请先登录；否则是房间的 publishRule 不允许该用户发布。",
	}
	RoomLimit = Problem{
		Code: "room_limit", Status: http.StatusBadRequest,
		EN:    "These are too many rooms for one connection.",
		ZH:    "一个连接加入的房间太多",
		FixEN: "Leave rooms that are not on the screen.",
		FixZH: "请退出当前页面不需要的房间。",
	}
	Presence = Problem{
		Code: "presence_forbidden", Status: http.StatusForbidden,
		EN:    "This room does not tell who is in it.",
		ZH:    "这个房间不公开成员",
		FixEN: "The owner may switch on presence for the room.",
		FixZH: "管理员可为房间打开 presence。",
	}
	EventName = Problem{
		Code: "event_name_invalid", Status: http.StatusBadRequest,
		EN:    "This event name is reserved or malformed.",
		ZH:    "事件名是保留字或格式不对",
		FixEN: "1 to 64 letters, digits and _ : . -, and not one of Socket.IO's own such as connect or error.",
		FixZH: "1 到 64 个字母、数字或 _ : . -，且不能是 connect、error 等 Socket.IO 自用的名字。",
	}
	Payload = Problem{
		Code: "payload_invalid", Status: http.StatusBadRequest,
		EN:    "The payload is not JSON.",
		ZH:    "payload 不是 JSON",
		FixEN: "Send JSON.",
		FixZH: "请发送 JSON。",
	}
	MessageBig = Problem{
		Code: "message_too_big", Status: http.StatusRequestEntityTooLarge,
		EN:    "The message is too big.",
		ZH:    "消息太大",
		FixEN: "At most 64 KiB, in an exchange 8 KiB. Send a link in place of the data.",
		FixZH: "最多 64 KiB，exchange 最多 8 KiB；大数据请改发链接。",
	}
	MessageRefused = Problem{
		Code: "message_refused", Status: http.StatusUnprocessableEntity,
		EN:    "The message was refused.",
		ZH:    "消息被拒绝",
		FixEN: "A handler of OnRoomMessage refused it.",
		FixZH: "被 OnRoomMessage 的处理函数拒绝。",
	}
	Rate = Problem{
		Code: "rate_limit", Status: http.StatusTooManyRequests,
		EN:    "Too many messages. Wait a little.",
		ZH:    "消息太频繁",
		FixEN: "Wait a little. The owner may raise WXBASE_REALTIME_EVENTS_PER_SECOND.",
		FixZH: "稍候。管理员可调高 WXBASE_REALTIME_EVENTS_PER_SECOND。",
	}
	TokenInvalid = Problem{
		Code: "token_invalid", Status: http.StatusUnauthorized,
		EN:    "The token is wrong or has expired.",
		ZH:    "token 不对或已过期",
		FixEN: "Log in again and connect with the new token.",
		FixZH: "请重新登录，用新的 token 连接。",
	}
	TopicUnknown = Problem{
		Code: "topic_unknown", Status: http.StatusBadRequest,
		EN:    "There is no such topic.",
		ZH:    "没有这个主题",
		FixEN: "Subscribe to rooms/{name} or to a collection's {name}/*.",
		FixZH: "只能订阅 rooms/{房间名} 或集合的 {集合名}/*。",
	}
	TopicLimit = Problem{
		Code: "topic_limit", Status: http.StatusBadRequest,
		EN:    "These are too many topics for one connection.",
		ZH:    "一个连接订阅的主题太多",
		FixEN: "At most 100.",
		FixZH: "最多 100 个。",
	}
	Connections = Problem{
		Code: "connection_limit", Status: http.StatusTooManyRequests,
		EN:    "You have too many connections.",
		ZH:    "连接太多",
		FixEN: "Close the connections of pages that are gone. The owner may raise WXBASE_REALTIME_PER_USER or WXBASE_REALTIME_PER_ADDRESS.",
		FixZH: "请关闭已离开页面的连接。管理员可调高 WXBASE_REALTIME_PER_USER 或 WXBASE_REALTIME_PER_ADDRESS。",
	}
	ServerFull = Problem{
		Code: "server_full", Status: http.StatusServiceUnavailable,
		EN:    "The server has as many connections as it can hold. Try again later.",
		ZH:    "服务器连接数已满",
		FixEN: "Try again later. The owner may raise WXBASE_REALTIME_SOCKETS or add an edge process.",
		FixZH: "请稍后再试。管理员可调高 WXBASE_REALTIME_SOCKETS 或增加 edge 进程。",
	}
	TicketInvalid = Problem{
		Code: "ticket_invalid", Status: http.StatusUnauthorized,
		EN:    "The ticket is wrong or has expired. Get a new one from the main server.",
		ZH:    "门票不对或已过期",
		FixEN: "Only edges say this. Get a new ticket with POST /api/wx/rooms/tickets and connect again.",
		FixZH: "仅边缘节点返回。请用 POST /api/wx/rooms/tickets 重新领取门票再连接。",
	}
	TicketElsewhere = Problem{
		Code: "ticket_elsewhere", Status: http.StatusBadRequest,
		EN:    "This is the main server, and tickets are for edges. Connect here with the token, or to one of the edges that came with the ticket.",
		ZH:    "这里是主服务器，门票只能用于边缘节点",
		FixEN: "Connect to an address of `edges` in the answer that brought the ticket, or here with the token. Without edges no ticket is needed.",
		FixZH: "请连接领票应答中 `edges` 里的地址，或在这里用 token 连接。没有边缘节点时不需要门票。",
	}
	PrimaryAway = Problem{
		Code: "primary_away", Status: http.StatusServiceUnavailable,
		EN:    "The main server cannot be reached, so that nothing was published.",
		ZH:    "主服务器暂时无法连接",
		FixEN: "Try again: the message was not published.",
		FixZH: "请重试，消息没有发出。",
	}
	Closing = Problem{
		Code: "server_closing", Status: http.StatusServiceUnavailable,
		EN:    "The server is closing. Connect again.",
		ZH:    "服务器正在关闭",
		FixEN: "Connect again.",
		FixZH: "请重新连接。",
	}
)
