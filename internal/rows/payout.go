package rows

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/order"
)

// Payout is a transfer of the shop to a person: one out_bill_no, a row of wx_payouts. The zero Payout is none.
type Payout struct{ *core.Record }

// PayoutOf wraps a record of wx_payouts.
func PayoutOf(r *core.Record) Payout { return Payout{r} }

// PayoutByID reads a row. It fails with sql.ErrNoRows, wrapped.
func PayoutByID(app core.App, id string) (Payout, error) {
	r, err := byID(app, "wx_payouts", id, "payout")
	return Payout{r}, err
}

// FindPayout reads the one row with these values. It fails with sql.ErrNoRows.
func FindPayout(app core.App, where dbx.HashExp) (Payout, error) {
	return find(app, "wx_payouts", where, PayoutOf)
}

// PayoutsOf wraps records of wx_payouts.
func PayoutsOf(records []*core.Record) []Payout { return all(records, PayoutOf) }

// User is the receiver: id of a user.
func (p Payout) User() string { return p.GetString("user") }

// MchID names the merchant.
func (p Payout) MchID() string { return p.GetString("merchant") }

// AppID names the mini program.
func (p Payout) AppID() string { return p.GetString("appid") }

// OpenID is the receiver in the mini program.
func (p Payout) OpenID() string { return p.GetString("openid") }

// OutBillNo is our number for WeChat.
func (p Payout) OutBillNo() string { return p.GetString("outBillNo") }

// TransferBillNo is WeChat's number.
func (p Payout) TransferBillNo() string { return p.GetString("transferBillNo") }

// SetTransferBillNo changes TransferBillNo.
func (p Payout) SetTransferBillNo(v string) { p.Set("transferBillNo", v) }

// State reads the field.
func (p Payout) State() order.PayoutState { return order.PayoutState(p.GetString("state")) }

// Amount is sent, in fen.
func (p Payout) Amount() int64 { return int64(p.GetInt("amount")) }

// Remark is what the receiver reads.
func (p Payout) Remark() string { return p.GetString("remark") }

// Scene is WeChat's transfer_scene_id.
func (p Payout) Scene() string { return p.GetString("scene") }

// Perception is what the receiver reads of the scene.
func (p Payout) Perception() string { return p.GetString("perception") }

// UserName is the receiver's real name as ciphertext.
func (p Payout) UserName() string { return p.GetString("userName") }

// SetUserName changes UserName.
func (p Payout) SetUserName(v string) { p.Set("userName", v) }

// Note is the shop's own.
func (p Payout) Note() string { return p.GetString("note") }

// RequestedBy is who asked: an address, or the name of a program.
func (p Payout) RequestedBy() string { return p.GetString("requestedBy") }

// RequesterID is the account that asked; empty for a program.
func (p Payout) RequesterID() string { return p.GetString("requesterId") }

// ApprovedBy is the second person; empty where none was needed.
func (p Payout) ApprovedBy() string { return p.GetString("approvedBy") }

// SetApproval writes down who let the money go as the second person.
func (p Payout) SetApproval(email, id string) { p.Set("approvedBy", email); p.Set("approverId", id) }

// SetReleasedAt says when the money was let go.
func (p Payout) SetReleasedAt(v time.Time) { setTime(p.Record, "releasedAt", v) }

// CalledAt is when we last sent it.
func (p Payout) CalledAt() time.Time { return p.GetDateTime("calledAt").Time() }

// SetCalledAt changes CalledAt.
func (p Payout) SetCalledAt(v time.Time) { setTime(p.Record, "calledAt", v) }

// ConfirmBy is until when the receiver can confirm.
func (p Payout) ConfirmBy() time.Time { return p.GetDateTime("confirmBy").Time() }

// SetConfirmBy changes ConfirmBy.
func (p Payout) SetConfirmBy(v time.Time) { setTime(p.Record, "confirmBy", v) }

// SetEndedAt changes EndedAt.
func (p Payout) SetEndedAt(v time.Time) { setTime(p.Record, "endedAt", v) }

// SetFailReason changes FailReason, which is WeChat's word.
func (p Payout) SetFailReason(v string) { p.Set("failReason", v) }

// SetRefused writes WeChat's code and words down.
func (p Payout) SetRefused(code, message string) {
	p.Set("refusedCode", code)
	p.Set("refusedMessage", message)
}

// PackageInfo is for wx.requestMerchantTransfer; empty when the answer that named it was lost.
func (p Payout) PackageInfo() string { return p.GetString("packageInfo") }

// SetPackageInfo changes PackageInfo.
func (p Payout) SetPackageInfo(v string) { p.Set("packageInfo", v) }

// NextQueryAt is when the sweep looks again; zero when it does not.
func (p Payout) NextQueryAt() time.Time { return p.GetDateTime("nextQueryAt").Time() }

// SetNextQueryAt changes NextQueryAt.
func (p Payout) SetNextQueryAt(v time.Time) { setTime(p.Record, "nextQueryAt", v) }

// Queries is how often it has looked.
func (p Payout) Queries() int { return p.GetInt("queries") }

// SetQueries changes Queries.
func (p Payout) SetQueries(v int) { p.Set("queries", v) }

// AskedAt is when somebody asked for it.
func (p Payout) AskedAt() time.Time { return p.GetDateTime("askedAt").Time() }
