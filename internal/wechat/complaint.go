package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// EventTradeComplaint tells of a trade complaint (交易类投诉), and of every change of one.
const EventTradeComplaint = "complaint_callback"

const (
	opTradeComplaint = "getOrderDetail"
	opTradeRespond   = "respondComplaint"
	opTradeProof     = "supplyProof"
	opTradeRefund    = "submitRefund"
	opUploadMedia    = "uploadTempMedia"
)

// What a trade complaint waits for. note: there are many more numbers; these are the ones at which the shop has to do something, and for which it
// has 48 hours.
const (
	TradeToAnswer  = 201 // 待商家处理
	TradeToProve   = 206 // 平台判定商家责任，待上传处理凭证
	TradeRefunding = 312 // 平台判定商家责任，平台退款中
)

// TradeComplaint is what a person says of an order to the platform.
type TradeComplaint struct {
	ID            string // digits
	AppID         string // of the push only
	OpenID        string
	Phone         string // never log it
	Status        int
	Type          int // WeChat's number for the problem
	Detail        string
	TransactionID string
	OutTradeNo    string
	Product       string
	At            time.Time
	PaidAt        time.Time
	Expires       time.Time // of the status; zero for none
	Steps         []TradeStep
}

// TradeStep is one line of its progress.
type TradeStep struct {
	At   time.Time
	Said string
}

// tradeWords are the fields, which the push and the query spell in two ways.
type tradeWords struct {
	ID      word       `json:"complaint_order_id"`
	AppID   word       `json:"appid"`
	OpenID  word       `json:"open_id"`
	Phone   word       `json:"phone_number"`
	Status  number     `json:"status"`
	Type    loose      `json:"type"`
	Detail  word       `json:"customer_material_content"`
	OrderID word       `json:"order_id"`
	OutNo   word       `json:"out_trade_no"`
	Product word       `json:"product_name"`
	Created loose      `json:"create_time"`
	Paid    loose      `json:"pay_time"`
	Expires loose      `json:"expire_time"`
	History looseSteps `json:"history"`
}

type tradeStepW struct {
	Time    loose `json:"time"`
	Content word  `json:"content"`
}

// loose is a number that may be anything: what cannot be read is 0. The samples of this event are of several minds, and a complaint with a time that
// we do not understand is a complaint.
type loose int64

// UnmarshalJSON never fails.
func (n *loose) UnmarshalJSON(b []byte) error {
	var v number
	if v.UnmarshalJSON(b) == nil {
		*n = loose(v)
	}
	return nil
}

// looseSteps is a list, one of its entries, or nothing that we know.
type looseSteps []tradeStepW

// UnmarshalJSON never fails.
func (l *looseSteps) UnmarshalJSON(b []byte) error {
	var list oneOrMany[tradeStepW]
	if json.Unmarshal(b, &list) == nil {
		*l = looseSteps(list)
	}
	return nil
}

func (w tradeWords) complaint() (TradeComplaint, error) {
	if w.ID == "" || w.Status == 0 {
		return TradeComplaint{}, ErrMissingField
	}
	c := TradeComplaint{
		ID: string(w.ID), AppID: string(w.AppID), OpenID: string(w.OpenID), Phone: string(w.Phone), Status: int(w.Status), Type: int(w.Type),
		Detail: string(w.Detail), TransactionID: string(w.OrderID), OutTradeNo: string(w.OutNo), Product: string(w.Product),
		At: anyMoment(w.Created), PaidAt: anyMoment(w.Paid), Expires: anyMoment(w.Expires),
	}
	for _, step := range w.History {
		c.Steps = append(c.Steps, TradeStep{At: anyMoment(step.Time), Said: string(step.Content)})
	}
	return c, nil
}

// anyMoment reads seconds or milliseconds: the documents do not say which.
func anyMoment(n loose) time.Time {
	if n > 1e11 {
		return time.UnixMilli(int64(n))
	}
	return moment(number(n))
}

// TradeComplaint reads EventTradeComplaint, whose fields lie in BussiCallBackInfo or, in some samples, in the message itself. NB! In plain mode the
// signature does not cover the body: ask [Client.TradeComplaint] before anything is believed.
// Errors: ErrPushEvent, ErrMissingField without a number or a status, ErrPushAppID for another app's, ErrNotJSON.
func (m PushMessage) TradeComplaint() (TradeComplaint, error) {
	var wire struct {
		tradeWords
		Info *tradeWords `json:"BussiCallBackInfo"`
	}
	if err := m.read(&wire, EventTradeComplaint); err != nil {
		return TradeComplaint{}, err
	}
	words := wire.tradeWords
	if wire.Info != nil {
		words = *wire.Info
	}
	if words.AppID != "" && string(words.AppID) != m.AppID {
		return TradeComplaint{}, ErrPushAppID
	}
	return words.complaint()
}

// TradeComplaint asks for a trade complaint: GET /wxaapi/minishop/complaintOrderDetail
// (server/API/transaction-guarantee/complaint/api_getorderdetail.html, 查询投诉单详情). Errors: errcode 1 for a number that there is not.
func (c *Client) TradeComplaint(ctx context.Context, id string) (found TradeComplaint, err error) {
	_, err = c.do(ctx, call{
		op: opTradeComplaint, method: http.MethodGet, path: "/wxaapi/minishop/complaintOrderDetail", query: url.Values{"complaintOrderId": {id}},
		needsToken: true, repeatable: true,
		read: func(body []byte) error {
			var wire struct {
				Order struct {
					ID       word   `json:"complaintOrderId"`
					OpenID   word   `json:"openid"`
					Created  loose  `json:"createTime"`
					Phone    word   `json:"phoneNumber"`
					Type     loose  `json:"type"`
					Status   number `json:"status"`
					Material struct {
						Content word `json:"content"`
					} `json:"customerMaterial"`
					OrderID word  `json:"orderId"`
					OutNo   word  `json:"outTradeNo"`
					Product word  `json:"productName"`
					Paid    loose `json:"payTime"`
					Expires loose `json:"expireTime"`
				} `json:"complaintOrder"`
				Item looseSteps `json:"item"`
			}
			if err := decode(body, &wire); err != nil {
				return err
			}
			o := wire.Order
			found, err = tradeWords{
				ID: o.ID, OpenID: o.OpenID, Phone: o.Phone, Status: o.Status, Type: o.Type, Detail: o.Material.Content, OrderID: o.OrderID, OutNo: o.OutNo,
				Product: o.Product, Created: o.Created, Paid: o.Paid, Expires: o.Expires, History: wire.Item,
			}.complaint()
			if err == nil && found.ID != id {
				return ErrMissingField
			}
			return err
		},
	})
	return found, err
}

// phoneField is the field of EventTradeComplaint that a shop has no need to keep.
var phoneField = regexp.MustCompile(`("(?:phone_number|phoneNumber)"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|[0-9]+)`)

// KeepableRaw is Raw without the phone number of who complains, which the platform gives whenever it is asked.
func (m PushMessage) KeepableRaw() []byte {
	if m.MsgType != "event" || strings.TrimSpace(m.Event) != EventTradeComplaint {
		return m.Raw
	}
	return phoneField.ReplaceAll(m.Raw, []byte(`${1}""`))
}

// tradeBody is what the shop says. WeChat wants words or pictures.
type tradeBody struct {
	ID       int64    `json:"complaintOrderId"`
	Handle   int      `json:"bussiHandle,omitempty"`
	Content  string   `json:"content"`
	Pictures []string `json:"mediaIdList"`
}

// RespondTrade answers a complaint at TradeToAnswer: agree to settle, or refuse to (商家回应投诉,
// server/API/transaction-guarantee/complaint/api_respondcomplaint.html). Errors: errcode 309 when it waits for something else by now.
func (c *Client) RespondTrade(ctx context.Context, id string, agree bool, text string, pictures []string) error {
	handle := 2
	if agree {
		handle = 1
	}
	return c.sayTrade(ctx, opTradeRespond, "/wxaapi/minishop/bussiRespondComplaint", id, handle, text, pictures)
}

// ProveTrade gives the proof that a complaint at TradeToProve waits for (商家补充凭证, api_supplyproof.html), and ProveTradeRefund the one of a
// refund (商家提交退款凭证, api_submitrefund.html).
func (c *Client) ProveTrade(ctx context.Context, id, text string, pictures []string) error {
	return c.sayTrade(ctx, opTradeProof, "/wxaapi/minishop/bussiSupplyProof", id, 0, text, pictures)
}

// ProveTradeRefund is described at ProveTrade.
func (c *Client) ProveTradeRefund(ctx context.Context, id, text string, pictures []string) error {
	return c.sayTrade(ctx, opTradeRefund, "/wxaapi/minishop/bussiSupplyRefund", id, 0, text, pictures)
}

func (c *Client) sayTrade(ctx context.Context, op, path, id string, handle int, text string, pictures []string) error {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return &Error{Op: op, Kind: KindArgs, Err: fmt.Errorf("complaint number is no number")}
	}
	if pictures == nil {
		pictures = []string{}
	}
	_, err = c.do(ctx, call{
		op: op, method: http.MethodPost, path: path, body: tradeBody{n, handle, text, pictures}, needsToken: true,
	})
	return err
}

// UploadImage gives WeChat a picture for three days: POST /cgi-bin/media/upload?type=image (server/API/kf-mgnt/kf-message/api_uploadtempmedia.html,
// 新增图片素材).
func (c *Client) UploadImage(ctx context.Context, name string, image []byte) (mediaID string, err error) {
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="media"; filename="` + plainName(name) + `"`}, "Content-Type": {http.DetectContentType(image)},
	})
	if err == nil {
		_, err = part.Write(image)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return "", &Error{Op: opUploadMedia, Kind: KindArgs, Err: err}
	}
	_, err = c.do(ctx, call{
		op: opUploadMedia, method: http.MethodPost, path: "/cgi-bin/media/upload", query: url.Values{"type": {"image"}}, form: out.Bytes(),
		formType: form.FormDataContentType(), needsToken: true, repeatable: true,
		read: func(body []byte) error {
			var wire struct {
				ID string `json:"media_id"`
			}
			err := decode(body, &wire)
			if err == nil && wire.ID == "" {
				err = ErrMissingField
			}
			mediaID = wire.ID
			return err
		},
	})
	return mediaID, err
}

// plainName keeps letters, digits, points and dashes of a file's name.
func plainName(name string) string {
	out := make([]byte, 0, len(name))
	for _, b := range []byte(name) {
		if b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '.' || b == '-' {
			out = append(out, b)
		}
	}
	return string(out)
}
