package wxpay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Transferrer is a gateway that can send money to a person: 商家转账 in the version of January 2025, in which the
// receiver confirms on the phone. It is of API v3 only. Every failed call returns an [*Error].
type Transferrer interface {
	// Transfer asks WeChat to send money. That it is accepted says nothing about the money: look at
	// Transfer.State, and hand Transfer.PackageInfo to the receiver's phone.
	//
	// NB! after every failure, whatever its kind, QueryTransfer comes first; KindNotFound there means: the
	// same number with the same parameters again. Never take a new number unless the transfer has failed or
	// was cancelled.
	Transfer(ctx context.Context, req TransferRequest) (Transfer, error)

	// QueryTransfer asks for a transfer by our number. WeChat answers for 30 days; KindNotFound within them:
	// it never took the transfer on.
	QueryTransfer(ctx context.Context, outBillNo string) (Transfer, error)

	// CancelTransfer takes back a transfer that the receiver has not confirmed, and may be repeated. After a
	// failure QueryTransfer tells what became of it.
	CancelTransfer(ctx context.Context, outBillNo string) (Transfer, error)

	// ParseTransferNotification verifies, decrypts and reads what WeChat posted to the notify_url of a
	// transfer. The body must be the raw bytes as received. The amount is not compared with anything.
	ParseTransferNotification(header http.Header, body []byte) (TransferNotification, error)
}

// Limits of a transfer.
const (
	// MinTransfer is the smallest amount of a transfer.
	MinTransfer Fen = 10
	// NameFromTransfer is the amount from which WeChat insists on the receiver's name.
	NameFromTransfer Fen = 200_000

	maxOutBillNo    = 32
	maxRemark       = 32 // characters, as those below
	maxReportType   = 15
	maxReportText   = 32
	maxReceiverName = 64
	maxPerception   = 32
)

// TransferRequest asks to send money to a person. OutBillNo is the idempotency key for ever: any number of calls
// with it make one transfer, and the parameters may not change between them.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716434 (发起转账).
type TransferRequest struct {
	AppID      string
	OpenID     string // of the receiver in this mini program
	OutBillNo  string // our number of this transfer: 1 to 32 letters and digits
	SceneID    string // transfer_scene_id, such as 1000 (现金营销); the merchant platform opens them one by one
	Reports    []TransferReport
	Perception string // what the receiver reads, of the scene's list; empty is the scene's first
	Remark     string // at most 32 characters
	UserName   string // the receiver's real name, needed from NameFromTransfer; it leaves us encrypted
	NotifyURL  string // as in PrepayRequest
	Amount     Fen
}

// TransferReport is a row of transfer_scene_report_infos. Which rows a scene wants is fixed.
type TransferReport struct {
	Type    string `json:"info_type"`
	Content string `json:"info_content"`
}

// Validate says everything that WeChat would refuse anyway, one sentence each.
func (r TransferRequest) Validate() error {
	return errors.Join(
		checkToken("appid", r.AppID, 32),
		checkToken("openid", r.OpenID, 128),
		checkOutBillNo(r.OutBillNo),
		r.checkScene(),
		checkRunes("transfer_remark", r.Remark, 1, maxRemark),
		checkRunes("user_recv_perception", r.Perception, 0, maxPerception),
		checkRunes("user_name", r.UserName, 0, maxReceiverName),
		checkNotifyURL(r.NotifyURL),
		r.checkAmount(),
	)
}

func (r TransferRequest) checkAmount() error {
	if r.Amount < MinTransfer {
		return fmt.Errorf("transfer_amount must be at least %d fen", MinTransfer)
	}
	if r.Amount >= NameFromTransfer && r.UserName == "" {
		return fmt.Errorf("user_name is needed from %s yuan", NameFromTransfer)
	}
	return nil
}

func (r TransferRequest) checkScene() error {
	if !areDigits(r.SceneID, 36) {
		return errors.New("transfer_scene_id must be digits")
	}
	if len(r.Reports) == 0 {
		return errors.New("transfer_scene_report_infos must have a row")
	}
	var problems error
	seen := map[string]bool{}
	for _, row := range r.Reports {
		problems = errors.Join(problems, checkRunes("info_type", row.Type, 1, maxReportType), checkRunes("info_content", row.Content, 1, maxReportText))
		if seen[row.Type] {
			problems = errors.Join(problems, errors.New("info_type must not stand twice"))
		}
		seen[row.Type] = true
	}
	return problems
}

// checkOutBillNo also keeps slashes and question marks out of the path that the number becomes part of.
func checkOutBillNo(number string) error {
	if number == "" || len(number) > maxOutBillNo {
		return fmt.Errorf("out_bill_no must have 1 to %d characters", maxOutBillNo)
	}
	for _, c := range []byte(number) {
		if !isAlphanumeric(c) {
			return errors.New("out_bill_no must consist of letters and digits")
		}
	}
	return nil
}

// TransferState is WeChat's state of a transfer. A word that we do not know is kept as it came.
type TransferState string

// The states that WeChat documents, in its spelling.
const (
	TransferAccepted   TransferState = "ACCEPTED"          // taken on
	TransferProcessing TransferState = "PROCESSING"        // taken on; the merchant's account is looked at
	TransferWaits      TransferState = "WAIT_USER_CONFIRM" // the receiver has 24 hours
	TransferConfirmed  TransferState = "TRANSFERING"       // confirmed, the money is on its way
	TransferSuccess    TransferState = "SUCCESS"           // the money has arrived
	TransferFailed     TransferState = "FAIL"              // final; see FailReason
	TransferCancelling TransferState = "CANCELING"
	TransferCancelled  TransferState = "CANCELLED" // final
)

// Transfer is one transfer as WeChat knows it. Fields that WeChat left out are zero: the answers to Transfer and
// CancelTransfer name no amount and no receiver.
type Transfer struct {
	MchID                     string // the gateway's own when the answer does not name it
	AppID, OpenID             string
	OutBillNo, TransferBillNo string // ours and WeChat's number
	State                     TransferState
	Amount                    Fen // compare this one
	FailReason                string
	PackageInfo               string // for wx.requestMerchantTransfer, good for 24 hours
	CreatedAt, UpdatedAt      time.Time
	Raw                       []byte // the JSON it was read from, to keep as evidence
}

// TransferNotification is a verified and decrypted notification. WeChat sends it for final states only, and again
// until it is answered.
type TransferNotification struct {
	ID, EventType string
	CreateTime    time.Time
	Transfer      Transfer
	Plaintext     []byte // the decrypted resource, the same bytes as Transfer.Raw
}
