package till

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/desk"
	"wxbase/internal/order"
	"wxbase/internal/people"
	"wxbase/internal/rows"
	"wxbase/internal/settings"
	"wxbase/internal/wxpay"
)

// PayoutForm is the body of POST /api/wx/admin/payouts.
type PayoutForm struct {
	User       string                 `json:"user"` // id of the receiver
	AppID      string                 `json:"appid"`
	Amount     int64                  `json:"amount"` // fen
	Remark     string                 `json:"remark"`
	Scene      string                 `json:"scene"`
	Perception string                 `json:"perception"`
	Reports    []wxpay.TransferReport `json:"reports"`
	UserName   string                 `json:"userName"` // real name, needed from 2,000 yuan
	Note       string                 `json:"note"`
	Key        string                 `json:"key"` // the same for the same wish
}

// PayoutWish is a form that was understood.
type PayoutWish struct {
	PayoutForm

	By        string // who asks, for the books
	requester string // the account; empty for the shop's own code
}

// Wish checks a form that was read strictly. by is who asks.
func (f PayoutForm) Wish(by string) (PayoutWish, error) {
	switch {
	case f.User == "":
		return PayoutWish{}, answer.Field(answer.PayoutInvalid, "user", "the id of the receiver")
	case len([]rune(f.Note)) > 200:
		return PayoutWish{}, answer.Field(answer.PayoutInvalid, "note", "at most 200 characters")
	case len(f.Key) > 64:
		return PayoutWish{}, answer.Field(answer.FieldInvalid, "key", "at most 64 bytes")
	}
	return PayoutWish{PayoutForm: f, By: by}, nil
}

// ask checks what the shop and WeChat allow and writes the row, or finds the one that an earlier call with the same key made.
func (p *Payouts) ask(app core.App, wish PayoutWish) (payout rows.Payout, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		if payout, err = payoutOfKey(tx, wish); payout.Record != nil || err != nil {
			return err
		}
		if wish.Key == "" {
			if err := p.refuseSecondClick(tx, wish); err != nil {
				return err
			}
		}
		payout, err = p.write(tx, wish)
		return err
	})
	return payout, err
}

// payoutOfKey finds the payout that an earlier call with the same key made. Another wish under the same key is a mistake of the client.
func payoutOfKey(tx core.App, wish PayoutWish) (none rows.Payout, err error) {
	if wish.Key == "" {
		return none, nil // no key, no payout, no mistake
	}
	found, err := books.First(tx, "wx_payouts", "`key` = ? AND `key` != ''", wish.Key) // note: without the last word SQLite reads all payouts
	if errors.Is(err, sql.ErrNoRows) {
		return none, nil // likewise
	}
	if err != nil {
		return none, fmt.Errorf("find payout by key: %w", err)
	}
	have := rows.PayoutOf(found)
	if have.User() != wish.User || have.Amount() != wish.Amount || have.Remark() != wish.Remark || have.Scene() != wish.Scene {
		return none, answer.With(answer.PayoutKeyReused, "payout", have.Id)
	}
	return have, nil
}

// refuseSecondClick refuses the same amount to the same person within a minute.
func (p *Payouts) refuseSecondClick(tx core.App, wish PayoutWish) error {
	have, err := books.First(tx, "wx_payouts", "`user` = ? AND `amount` = ? AND `askedAt` > ? AND `state` NOT IN "+offStates+" ORDER BY `askedAt` DESC",
		wish.User, wish.Amount, p.now().Add(-secondClick).UTC().Format(days.Stored))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the same payout: %w", err)
	}
	return answer.With(answer.PayoutRepeated, "payout", have.Id)
}

// offStates are the states in which a payout moves no money any more, for SQL.
var offStates = func() string {
	var words []string
	for _, state := range order.PayoutStates() {
		if state.IsOff() {
			words = append(words, "'"+string(state)+"'")
		}
	}
	return "(" + strings.Join(words, ", ") + ")"
}()

// write makes the row, which holds everything that WeChat will be asked for.
func (p *Payouts) write(tx core.App, wish PayoutWish) (none rows.Payout, err error) {
	state, err := p.mayLeave(tx, wish)
	if err != nil {
		return none, err
	}
	id := core.GenerateDefaultRandomId()
	request, merchant, err := p.terms(tx, id, wish)
	if err != nil {
		return none, err
	}
	name, err := p.sealName(id, wish.UserName)
	if err != nil {
		return none, err
	}
	c, err := tx.FindCachedCollectionByNameOrId("wx_payouts")
	if err != nil {
		return none, err
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"id": id, "user": wish.User, "merchant": merchant.MchID, "appid": request.AppID, "openid": request.OpenID, "outBillNo": request.OutBillNo,
		"state": string(state), "amount": wish.Amount, "remark": wish.Remark, "scene": wish.Scene, "perception": wish.Perception,
		"reports": wish.Reports, "userName": name, "note": wish.Note, "key": wish.Key,
		"requestedBy": books.Clip(wish.By, 200), "requesterId": wish.requester, "askedAt": p.now(),
	})
	if state == order.PayoutNew { // note: should the process end before the call, the sweep makes it
		r.Set("releasedAt", p.now())
		r.Set("nextQueryAt", p.now().Add(order.NextQuery(1)))
	}
	if err := books.Write(tx, r); err != nil {
		return none, fmt.Errorf("save payout: %w", err)
	}
	return rows.PayoutOf(r), nil
}

// mayLeave holds a payout against the bounds of the day: NEW may be sent, HELD waits for a second person. NB! an owner who has chosen no
// ceiling lets no money leave at all.
func (p *Payouts) mayLeave(tx core.App, wish PayoutWish) (order.PayoutState, error) {
	bounds, err := desk.LoadPreferences(tx)
	if err != nil {
		return "", err
	}
	spent, alone, err := p.spentToday(tx)
	if err != nil {
		return "", err
	}
	if err := underCeiling(bounds.PayoutsPerDay, spent, wish.Amount); err != nil {
		return "", err
	}
	if wish.requester != "" && alone+wish.Amount > bounds.PayoutsAlonePerDay {
		return order.PayoutHeld, nil
	}
	return order.PayoutNew, nil
}

func underCeiling(ceiling, spent, amount int64) error {
	switch {
	case ceiling <= 0:
		return answer.Fail(answer.PayoutsOff, nil)
	case amount > ceiling-spent:
		refusal := answer.With(answer.PayoutCeiling, "ceiling", ceiling)
		refusal.Data["left"] = max(0, ceiling-spent)
		return refusal
	}
	return nil
}

// spentToday is what was let go today in Beijing and has not come back, and how much of it by one person alone.
func (p *Payouts) spentToday(tx core.App) (spent, alone int64, err error) {
	now := p.now().In(days.Beijing())
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location()).UTC().Format(days.Stored)
	err = books.Row(tx, "SELECT coalesce(sum(`amount`), 0), coalesce(sum(CASE WHEN `requesterId` != '' AND `approvedBy` = '' THEN `amount` END), 0) "+
		"FROM `wx_payouts` WHERE `releasedAt` >= ? AND `state` NOT IN "+offStates, []any{midnight}, &spent, &alone)
	if err != nil {
		return 0, 0, fmt.Errorf("add up payouts: %w", err)
	}
	return spent, alone, nil
}

// release lets a held payout go on the word of a second person. The ceiling is that of today, whenever it was asked for.
func (p *payoutRows) release(tx core.App, payout rows.Payout, who desk.Actor) error {
	bounds, err := desk.LoadPreferences(tx)
	if err != nil {
		return err
	}
	spent, _, err := (&Payouts{kit: p.kit}).spentToday(tx)
	if err != nil {
		return err
	}
	if err := underCeiling(bounds.PayoutsPerDay, spent, payout.Amount()); err != nil {
		return err
	}
	payout.SetApproval(books.Clip(who.Email, 200), who.ID)
	payout.SetReleasedAt(p.now())
	return nil
}

// isAsker compares the address too: a superuser may have an account of the staff as well.
func isAsker(payout rows.Payout, who desk.Actor) bool {
	return payout.RequesterID() == who.ID || strings.EqualFold(payout.RequestedBy(), who.Email)
}

// terms are what WeChat will be asked for. Nobody names an openid: it is the receiver's own in the mini program.
func (p *Payouts) terms(tx core.App, id string, wish PayoutWish) (request wxpay.TransferRequest, merchant settings.Merchant, err error) {
	user, err := books.ByID(tx, "users", wish.User)
	if err != nil {
		return request, merchant, answer.Field(answer.PayoutInvalid, "user", "the id of the receiver")
	}
	if user.GetBool("blocked") {
		return request, merchant, answer.Fail(answer.UserBlocked, nil)
	}
	app, err := p.accounts.Settings.App(wish.AppID)
	if err != nil {
		return request, merchant, answer.Fail(answer.NotConfigured, err)
	}
	if merchant, err = p.accounts.Settings.Merchant(app.MchID); err != nil {
		return request, merchant, answer.Fail(answer.NotConfigured, err)
	}
	if p.accounts.Settings.PublicURL() == "" {
		return request, merchant, answer.Fail(answer.NoPublicURL, nil)
	}
	if _, err := p.transferrer(merchant.MchID); err != nil {
		return request, merchant, answer.Fail(answer.PayoutNeedsV3, err)
	}
	_, openID, err := people.OpenIDOf(tx, wish.User, app.AppID)
	if err != nil {
		return request, merchant, answer.Fail(answer.IdentityMissing, err)
	}
	request = wxpay.TransferRequest{
		AppID: app.AppID, OpenID: openID, OutBillNo: order.NewOutBillNo(id), SceneID: wish.Scene, Reports: wish.Reports, Perception: wish.Perception,
		Remark: wish.Remark, UserName: wish.UserName, NotifyURL: p.payoutNotifyURL(merchant.MchID), Amount: wxpay.Fen(wish.Amount),
	}
	if err := request.Validate(); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return request, merchant, answer.With(answer.PayoutInvalid, "reason", first)
	}
	return request, merchant, nil
}

func (k *kit) payoutNotifyURL(mchID string) string {
	return k.accounts.Settings.PublicURL() + "/api/wx/notify/payout/" + mchID
}

// transferrer is the way to WeChat for a payout: over API v3, also where the merchant takes its payments over v2.
func (k *kit) transferrer(mchID string) (wxpay.Gateway, error) {
	merchant, err := k.accounts.Settings.Merchant(mchID)
	if err != nil {
		return nil, err
	}
	if merchant.API == accounts.ApiV2 {
		merchant.API = "v3"
	}
	gateway, err := k.gateways.GatewayFor(merchant, "")
	if err != nil {
		return nil, err
	}
	if _, ok := gateway.(wxpay.Transferrer); !ok {
		return nil, fmt.Errorf("merchant %s: %w", mchID, settings.ErrNotConfigured)
	}
	return gateway, nil
}

// sealName encrypts the receiver's name for our own table.
func (k *kit) sealName(id, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	sealed, err := k.accounts.Settings.Vault().Seal(namePlace(id), name)
	if err != nil {
		return "", fmt.Errorf("seal name: %w", err)
	}
	return sealed, nil
}

func namePlace(id string) string { return "wx_payouts/" + id + "/userName" }

// requestOfPayout is what WeChat is asked for under the payout's number.
func (k *kit) requestOfPayout(payout rows.Payout) (request wxpay.TransferRequest, err error) {
	request = wxpay.TransferRequest{
		AppID: payout.AppID(), OpenID: payout.OpenID(), OutBillNo: payout.OutBillNo(), SceneID: payout.Scene(), Perception: payout.Perception(),
		Remark: payout.Remark(), NotifyURL: k.payoutNotifyURL(payout.MchID()), Amount: wxpay.Fen(payout.Amount()),
	}
	if err := json.Unmarshal([]byte(payout.GetString("reports")), &request.Reports); err != nil {
		return request, fmt.Errorf("read reports of payout %s: %w", payout.Id, err)
	}
	if sealed := payout.UserName(); sealed != "" {
		if request.UserName, err = k.accounts.Settings.Vault().Open(namePlace(payout.Id), sealed); err != nil {
			return request, fmt.Errorf("open name of payout %s: %w", payout.Id, err)
		}
	}
	return request, nil
}
