package wxpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

const (
	transfersPath = "/v3/fund-app/mch-transfer/transfer-bills"

	// note: the event's name and the resource's type must agree; both are under the signature.
	eventTransfer        = "MCHTRANSFER.BILL.FINISHED"
	originalTypeTransfer = "mch_payment"
)

var _ Transferrer = (*V3)(nil)

// transferBody is the request as it goes over the wire, in a fixed order. Only what is set is sent.
type transferBody struct {
	AppID      string           `json:"appid"`
	OutBillNo  string           `json:"out_bill_no"`
	SceneID    string           `json:"transfer_scene_id"`
	OpenID     string           `json:"openid"`
	UserName   string           `json:"user_name,omitempty"` // encrypted
	Amount     Fen              `json:"transfer_amount"`
	Remark     string           `json:"transfer_remark"`
	NotifyURL  string           `json:"notify_url"`
	Perception string           `json:"user_recv_perception,omitempty"`
	Reports    []TransferReport `json:"transfer_scene_report_infos"`
}

// Transfer implements [Transferrer].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716434 (发起转账).
func (v *V3) Transfer(ctx context.Context, req TransferRequest) (Transfer, error) {
	if err := req.Validate(); err != nil {
		return Transfer{}, paramError(opTransfer, err)
	}
	name, err := v.verify.sealName(ctx, req.UserName)
	if err != nil {
		return Transfer{}, newError(opTransfer, nil, KindBusy, err.Error()).WithCause(err) // nothing was sent: repeat later
	}
	result, err := v.sdk.Post(ctx, consts.WechatPayAPIServer+transfersPath, transferBody{
		AppID: req.AppID, OutBillNo: req.OutBillNo, SceneID: req.SceneID, OpenID: req.OpenID, UserName: name, Amount: req.Amount,
		Remark: req.Remark, NotifyURL: req.NotifyURL, Perception: req.Perception, Reports: req.Reports,
	})
	return v.readTransfer(opTransfer, req.OutBillNo, result, err)
}

// QueryTransfer implements [Transferrer].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716437 (商户单号查询转账单).
func (v *V3) QueryTransfer(ctx context.Context, outBillNo string) (Transfer, error) {
	if err := checkOutBillNo(outBillNo); err != nil {
		return Transfer{}, paramError(opQueryTransfer, err)
	}
	result, err := v.sdk.Get(ctx, consts.WechatPayAPIServer+transfersPath+"/out-bill-no/"+outBillNo)
	return v.readTransfer(opQueryTransfer, outBillNo, result, err)
}

// CancelTransfer implements [Transferrer]. The call has no body.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012716458 (撤销转账).
func (v *V3) CancelTransfer(ctx context.Context, outBillNo string) (Transfer, error) {
	if err := checkOutBillNo(outBillNo); err != nil {
		return Transfer{}, paramError(opCancelTransfer, err)
	}
	address := consts.WechatPayAPIServer + transfersPath + "/out-bill-no/" + outBillNo + "/cancel"
	result, err := v.sdk.Request(ctx, http.MethodPost, address, nil, nil, nil, consts.ApplicationJSON)
	return v.readTransfer(opCancelTransfer, outBillNo, result, err)
}

// readTransfer reads the bytes itself, as query does and for the same reason.
func (v *V3) readTransfer(op, outBillNo string, result *core.APIResult, err error) (Transfer, error) {
	if err := classify(op, result, err); err != nil {
		return Transfer{}, err
	}
	raw, err := io.ReadAll(result.Response.Body)
	if err != nil {
		return Transfer{}, answerError(op, result, "answer cannot be read")
	}
	transfer, err := parseTransfer(raw)
	if err != nil {
		return Transfer{}, answerError(op, result, err.Error())
	}
	// note: the answers to creating and cancelling name no merchant.
	if transfer.MchID == "" {
		transfer.MchID = v.mchID
	}
	// NB! the signature does not cover the request: an answer about another transfer verifies just as well.
	if transfer.MchID != v.mchID || transfer.OutBillNo != outBillNo {
		return Transfer{}, newError(op, result, KindUnverified, "answer is about another transfer")
	}
	return transfer, nil
}

// ParseTransferNotification implements [Transferrer].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012712115 (商家转账回调通知).
func (v *V3) ParseTransferNotification(header http.Header, body []byte) (TransferNotification, error) {
	note, err := v.openNotification(header, body, envelope.isTransfer)
	if err != nil {
		return TransferNotification{}, fmt.Errorf("check notification: %w", err)
	}
	transfer, err := parseTransfer(note.plain)
	if err != nil {
		return TransferNotification{}, fmt.Errorf("read notification: %w: %w", ErrNotifyMalformed, err)
	}
	if transfer.MchID != v.mchID {
		return TransferNotification{}, fmt.Errorf("read notification: %w", ErrNotifyMerchant)
	}
	return TransferNotification{
		ID: note.ID, EventType: note.EventType, CreateTime: note.createdAt, Transfer: transfer, Plaintext: note.plain,
	}, nil
}

func (e envelope) isTransfer() bool {
	return e.EventType == eventTransfer && e.Resource.OriginalType == originalTypeTransfer
}

// wireTransfer is a transfer as v3 writes it. The notification calls mchid what the query calls mch_id.
type wireTransfer struct {
	MchID          string `json:"mchid"`
	MchIDOfQuery   string `json:"mch_id"`
	AppID          string `json:"appid"`
	OpenID         string `json:"openid"`
	OutBillNo      string `json:"out_bill_no"`
	TransferBillNo string `json:"transfer_bill_no"`
	State          string `json:"state"`
	Amount         int64  `json:"transfer_amount"`
	FailReason     string `json:"fail_reason"`
	PackageInfo    string `json:"package_info"`
	CreateTime     string `json:"create_time"`
	UpdateTime     string `json:"update_time"`
}

// parseTransfer reads a transfer and refuses one that cannot be. Fields that we do not know are ignored.
func parseTransfer(raw []byte) (Transfer, error) {
	var w wireTransfer
	if err := json.Unmarshal(raw, &w); err != nil {
		return Transfer{}, errors.New("transfer is not the JSON we know")
	}
	created, createdErr := readTime(w.CreateTime)
	updated, updatedErr := readTime(w.UpdateTime)
	switch {
	case createdErr != nil || updatedErr != nil:
		return Transfer{}, errors.New("create_time or update_time is not a time")
	case w.MchID != "" && w.MchIDOfQuery != "" && w.MchID != w.MchIDOfQuery:
		return Transfer{}, errors.New("transfer has two merchants")
	case w.OutBillNo == "" || w.State == "":
		return Transfer{}, errors.New("transfer has no number or no state")
	case w.Amount < 0:
		return Transfer{}, errors.New("transfer has an amount below zero")
	}
	return Transfer{
		MchID: w.MchID + w.onlyQuery(), AppID: w.AppID, OpenID: w.OpenID, OutBillNo: w.OutBillNo, TransferBillNo: w.TransferBillNo,
		State: TransferState(w.State), Amount: Fen(w.Amount), FailReason: w.FailReason, PackageInfo: w.PackageInfo,
		CreatedAt: created, UpdatedAt: updated, Raw: raw,
	}, nil
}

// onlyQuery is mch_id where there is no mchid.
func (w wireTransfer) onlyQuery() string {
	if w.MchID != "" {
		return ""
	}
	return w.MchIDOfQuery
}

// sealName encrypts what only WeChat may read, with the key whose serial goes out in Wechatpay-Serial. An empty name
// stays empty.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4013053257 (如何加解密敏感字段).
func (v *verification) sealName(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if v.publicKey != nil {
		return utils.EncryptOAEPWithPublicKey(name, v.publicKey)
	}
	if v.certs.GetNewestSerial(ctx) == "" {
		if err := v.certs.need(ctx, "any"); v.certs.GetNewestSerial(ctx) == "" { // which downloads them all
			return "", fmt.Errorf("fetch a certificate to encrypt with: %w", err)
		}
	}
	cert, ok := v.certs.Get(ctx, v.certs.GetNewestSerial(ctx))
	if !ok {
		return "", errNoCertificate
	}
	return utils.EncryptOAEPWithCertificate(name, cert)
}
