// Package subscribe sends subscribe messages, counts consents, and handles WeChat's pushes.
package subscribe

import (
	"context"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/locks"
	"wxbase/internal/settings"
	"wxbase/internal/wechat"
)

// Subscribe sends messages and takes pushes. Its fields are set before the app serves.
type Subscribe struct {
	App      core.App
	Now      func() time.Time
	Accounts *accounts.Accounts
	Books    *books.Books
	Locks    *locks.Keyed
	Limits   limit.Limits
	OnMedia  func(found *events.MediaVerdict, at time.Time) error // what WeChat found in an image
	OnTrade  func(event *events.PushEvent, key string) error      // what WeChat says of an order's shipping; key names the push
	SimPush  func(settings.App) settings.App

	OnXpay    func(context.Context, wechat.PushMessage) error                             // of virtual payment
	OnInquiry func(appID string, in wechat.XpayInquiry) (wechat.XpayInquiryAnswer, error) // before any write

	HandOver func(m wechat.PushMessage, seconds int64) []byte // what a push is answered with in the place of "success"; nil or empty: that

	templates templateCache

	OnPush *hook.Hook[*events.PushEvent]
}
