package till

// The other ways to pay over WeChat Pay. It is the same engine as for the phone's own cashier (pay.go); what differs is how a payer comes to it:
//
//	native    the owner, or a member of staff, asks for the text of a code. Whoever scans it within two hours can pay.
//	h5        the owner asks for the address of a page, in a browser outside of WeChat. It opens WeChat, within five minutes.
//
// Nobody knows who will pay: the payer's openid is the one in the fact, and need not be of a user of ours. An order has one attempt that can
// be paid at a time: who asks for another way closes the attempt of before at WeChat first.

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/skip2/go-qrcode"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// Ways are the other ways that the shop has at WeChat Pay.
type Ways struct {
	Native, H5 bool
}

func (w Ways) has(way string) bool { return way == wxpay.Native && w.Native || way == wxpay.H5 && w.H5 }

// PayCode is a code to scan.
type PayCode struct {
	CodeURL   string    `json:"codeUrl"`   // the text in the code
	Image     string    `json:"image"`     // the code as a picture, in a data: URL
	ExpiresAt time.Time `json:"expiresAt"` // until when it can be paid
}

// PayPage is a page that opens WeChat in a browser outside of it.
type PayPage struct {
	H5URL     string    `json:"h5Url"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Native handles POST /api/wx/orders/{id}/native.
func (c *Cashier) Native(e *core.RequestEvent) error {
	record, ctx, end, err := c.begin(e)
	if err != nil {
		return err
	}
	defer end()
	code, err := c.code(ctx, e.App, record.Id)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, code)
}

// H5 handles POST /api/wx/orders/{id}/h5.
func (c *Cashier) H5(e *core.RequestEvent) error {
	record, ctx, end, err := c.begin(e)
	if err != nil {
		return err
	}
	defer end()
	page, err := c.page(ctx, e.App, record.Id, e.RealIP())
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, page)
}

// Code is Native for programs.
func (c *Cashier) Code(ctx context.Context, orderID string) (PayCode, error) {
	ctx, end := c.turn(ctx, orderID)
	defer end()
	return c.code(ctx, c.app, orderID)
}

// Page is H5 for programs. payerIP is the address that the browser has on the internet.
func (c *Cashier) Page(ctx context.Context, orderID, payerIP string) (PayPage, error) {
	ctx, end := c.turn(ctx, orderID)
	defer end()
	return c.page(ctx, c.app, orderID, payerIP)
}

// turn takes an order's turn, until end is called.
func (c *Cashier) turn(ctx context.Context, orderID string) (_ context.Context, end func()) {
	unlock := c.locks.Lock("order/" + orderID)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), accounts.CallTimeout)
	return ctx, func() { cancel(); unlock() }
}

// code gets the order to where anybody can scan and pay it. The caller has the order's turn.
func (c *Cashier) code(ctx context.Context, app core.App, orderID string) (none PayCode, err error) {
	payment, err := c.prepareFor(ctx, app, orderID, wxpay.Native, "")
	if err != nil {
		return none, err
	}
	picture, err := qrcode.Encode(payment.PayURL(), qrcode.Medium, 280)
	if err != nil {
		return none, answer.Fail(answer.Busy, fmt.Errorf("draw code: %w", err))
	}
	image := "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)
	return PayCode{payment.PayURL(), image, payableUntil(payment)}, nil
}

// page is code for a browser at an address.
func (c *Cashier) page(ctx context.Context, app core.App, orderID, payerIP string) (none PayPage, err error) {
	if payerIP, err = c.payerAddress(payerIP); err != nil {
		return none, err
	}
	payment, err := c.prepareFor(ctx, app, orderID, wxpay.H5, payerIP)
	if err != nil {
		return none, err
	}
	return PayPage{payment.PayURL(), payableUntil(payment)}, nil
}

// simulatedIP stands for the address of a browser on this machine, which has none on the internet. It is reserved for documentation.
const simulatedIP = "203.0.113.1"

// payerAddress refuses an address that WeChat would refuse: of this machine or of a local network. It is a proxy's when the server is not told
// which header to trust.
func (c *Cashier) payerAddress(ip string) (string, error) {
	switch {
	case wxpay.IsPublicIP(ip):
		return ip, nil
	case c.accounts.Settings.IsSimulated():
		return simulatedIP, nil
	}
	return "", answer.With(answer.PayerAddress, "address", ip)
}

func (c *Cashier) prepareFor(ctx context.Context, app core.App, orderID, way, payerIP string) (none rows.Payment, err error) {
	if !c.Ways.has(way) {
		return none, answer.With(answer.PayWayOff, "way", way)
	}
	return c.prepare(ctx, app, orderID, func(_ core.App, o rows.Order) (payTerms, error) {
		terms, err := c.shopTerms(o)
		terms.request.TradeType, terms.request.PayerIP = way, payerIP
		return terms, err
	})
}

// payableUntil is when WeChat forgets the code or the page, or the order's time is up.
func payableUntil(payment rows.Payment) time.Time {
	until := payment.PrepayAt().Add(order.PrepayLifeOf(payment.TradeType()))
	if ends := payment.ExpiresAt(); ends.Before(until) {
		until = ends
	}
	return until.UTC()
}
