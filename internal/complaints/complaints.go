// Package complaints is the shop's desk for what buyers complain of, wherever they do it: at WeChat Pay (消费者投诉2.0), to the platform of mini
// programs (交易类投诉), and in virtual payment, whose client writes its rows with the source xpay.
//
// WeChat is the source of truth. A row of wx_complaints is what it said when it was asked last: a notification only makes us ask, and so do an act
// of the shop's, a refund that has reached the payer, and the sweep, which finds what no notification brought. So nothing is applied twice, and
// nothing that somebody posts to us is believed.
//
// The shop has 24 hours for the first answer and 72 to be done with a complaint at WeChat Pay, and 48 for each step that the platform wants. What is
// due stands in dueAt, and an alert calls a person: when the complaint comes, and again when little time is left.
//
// Phone numbers are kept nowhere: WeChat is asked for one when somebody who may wants to see it, and the audit says who did.
package complaints

import (
	"context"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/locks"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
)

// Where a complaint was made.
const (
	SourcePay      = "wechatpay"
	SourcePlatform = "platform"
	SourceVirtual  = "xpay"
)

// States of a complaint. The platform has many numbers more; they are in status, and these say what they mean for the shop.
const (
	Pending    = wxpay.ComplaintPending    // the shop has not said anything yet
	Processing = wxpay.ComplaintProcessing // it has
	Processed  = wxpay.ComplaintProcessed  // it is done with
)

const table = "wx_complaints"

// How long the shop has.
// https://kf.qq.com/faq/230125a6NbmA230125vMNZnE.html (消费者投诉处理指南): 24 hours, 72 hours.
const (
	firstAnswer  = 24 * time.Hour
	wholeAnswer  = 72 * time.Hour
	platformStep = 48 * time.Hour // 2024-03-25
	littleTime   = 6 * time.Hour  // before the end a person is called once more
)

// Complaints reads and answers complaints. Its fields are set before the app serves.
type Complaints struct {
	App      core.App
	Now      func() time.Time
	Accounts *accounts.Accounts
	Books    *books.Books
	Locks    *locks.Keyed
	Soon     time.Duration // after the start, and after the first sale, the first sweep: what came while the server was away has a deadline too
}

// payDesk gives the calls of a merchant at WeChat Pay. They are of API v3, also where the merchant's orders still go over v2.
func (c *Complaints) payDesk(mchID string) (wxpay.ComplaintDesk, error) {
	m, err := c.Accounts.Settings.Merchant(mchID)
	if err != nil {
		return nil, err
	}
	m.API = "v3"
	gateway, err := c.Accounts.GatewayFor(m, "")
	if err != nil {
		return nil, err
	}
	desk, ok := gateway.(wxpay.ComplaintDesk)
	if !ok {
		return nil, fmt.Errorf("merchant %s: %w", mchID, settings.ErrNotConfigured)
	}
	return desk, nil
}

// platform gives the client of a mini program.
func (c *Complaints) platform(appID string) (*wechat.Client, error) {
	app, err := c.Accounts.Settings.App(appID)
	if err != nil {
		return nil, err
	}
	return c.Accounts.Wechat(app), nil
}

// within bounds all calls that one request or one effect causes.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, accounts.CallTimeout)
}
