package wxpay_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

const transfersPath = "/v3/fund-app/mch-transfer/transfer-bills"

// fakeTransfer is a transfer in the books of the fake.
type fakeTransfer struct {
	params, state, reason, name string
	request                     fakeTransferRequest
	at                          time.Time
}

type fakeTransferRequest struct {
	AppID      string  `json:"appid"`
	OutBillNo  string  `json:"out_bill_no"`
	SceneID    string  `json:"transfer_scene_id"`
	OpenID     string  `json:"openid"`
	UserName   *string `json:"user_name"`
	Amount     int64   `json:"transfer_amount"`
	Remark     string  `json:"transfer_remark"`
	NotifyURL  string  `json:"notify_url"`
	Perception *string `json:"user_recv_perception"`
	Reports    []struct {
		Type    string `json:"info_type"`
		Content string `json:"info_content"`
	} `json:"transfer_scene_report_infos"`
}

var billNumberPattern = regexp.MustCompile(`^[0-9A-Za-z]{1,32}$`)

// isGood is what WeChat checks before it looks into its books.
func (r fakeTransferRequest) isGood() bool {
	return r.AppID == testAppID && billNumberPattern.MatchString(r.OutBillNo) && r.Amount >= 10 && len(r.Reports) > 0 &&
		utf8.RuneCountInString(r.Remark) <= 32 && r.Remark != "" && (r.Perception == nil || *r.Perception != "") &&
		(r.UserName != nil || r.Amount < 200_000)
}

func (f *fakeWeChat) transfer(w http.ResponseWriter, r *http.Request, rest string, body []byte) {
	number, cancels := strings.CutSuffix(strings.TrimPrefix(rest, "/out-bill-no/"), "/cancel")
	switch have := f.transfers[number]; {
	case r.Method == http.MethodPost && rest == "":
		f.createTransfer(w, r, body)
	case have == nil:
		refuse(w, http.StatusNotFound, "NOT_FOUND", "记录不存在")
	case r.Method == http.MethodGet && !cancels:
		f.answer(w, r, http.StatusOK, have.asQuery())
	case r.Method == http.MethodPost && cancels && len(body) == 0:
		f.cancelTransfer(w, r, have)
	default:
		refuse(w, http.StatusBadRequest, "PARAM_ERROR", "参数错误")
	}
}

func (f *fakeWeChat) createTransfer(w http.ResponseWriter, r *http.Request, body []byte) {
	var req fakeTransferRequest
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&req) != nil || !req.isGood() {
		refuse(w, http.StatusBadRequest, "PARAM_ERROR", "参数错误")
		return
	}
	name, err := f.readName(r, req.UserName)
	if err != nil {
		refuse(w, http.StatusBadRequest, "PARAM_ERROR", err.Error())
		return
	}
	req.UserName = nil // note: its ciphertext is another one each time
	params, _ := json.Marshal(req)
	have := f.transfers[req.OutBillNo]
	switch {
	case have != nil && (have.params != string(params) || have.name != name):
		refuse(w, http.StatusBadRequest, "INVALID_REQUEST", "商户单号已存在，参数与原单不一致")
		return
	case have == nil && f.poor:
		refuse(w, http.StatusForbidden, "NOT_ENOUGH", "商户账户余额不足")
		return
	case have == nil:
		have = &fakeTransfer{params: string(params), state: "WAIT_USER_CONFIRM", name: name, request: req, at: f.clock.now()}
		f.transfers[req.OutBillNo] = have
	}
	f.answer(w, r, http.StatusOK, map[string]any{
		"out_bill_no": req.OutBillNo, "transfer_bill_no": have.billNo(), "create_time": have.at.Format(time.RFC3339), "state": have.state,
		"package_info": "affffddafdfafddffda==",
	})
}

// readName opens the name with the key that Wechatpay-Serial names.
func (f *fakeWeChat) readName(r *http.Request, sealed *string) (string, error) {
	if sealed == nil {
		return "", nil
	}
	serial := r.Header.Get("Wechatpay-Serial")
	if serial != testKeyID && serial != f.certs[len(f.certs)-1].serial {
		return "", fmt.Errorf("Wechatpay-Serial is %q", serial)
	}
	raw, err := base64.StdEncoding.DecodeString(*sealed)
	if err != nil {
		return "", err
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, platformKey(), raw, nil)
	return string(plain), err
}

func (f *fakeWeChat) cancelTransfer(w http.ResponseWriter, r *http.Request, have *fakeTransfer) {
	if have.state != "WAIT_USER_CONFIRM" && have.state != "CANCELING" && have.state != "CANCELLED" {
		refuse(w, http.StatusBadRequest, "INVALID_REQUEST", "当前状态不支持撤销")
		return
	}
	if have.state == "WAIT_USER_CONFIRM" {
		have.state = "CANCELING"
	}
	f.answer(w, r, http.StatusOK, map[string]any{
		"out_bill_no": have.request.OutBillNo, "transfer_bill_no": have.billNo(), "state": have.state, "update_time": f.clock.now().Format(time.RFC3339),
	})
}

func (t *fakeTransfer) billNo() string { return "1330000071100999991182020050700019480001" }

func (t *fakeTransfer) asQuery() map[string]any {
	values := map[string]any{
		"mch_id": testMchID, "out_bill_no": t.request.OutBillNo, "transfer_bill_no": t.billNo(), "appid": t.request.AppID, "state": t.state,
		"transfer_amount": t.request.Amount, "transfer_remark": t.request.Remark, "openid": t.request.OpenID,
		"create_time": t.at.Format(time.RFC3339), "update_time": t.at.Format(time.RFC3339),
	}
	if t.reason != "" {
		values["fail_reason"] = t.reason
	}
	return values
}

// endTransfer is what the receiver, or time, does.
func (f *fakeWeChat) endTransfer(number, state, reason string) {
	f.with(func() { f.transfers[number].state, f.transfers[number].reason = state, reason })
}

// transferPlain is the inside of a notification: mchid where the query says mch_id.
func transferPlain(bend func(map[string]any)) []byte {
	values := map[string]any{
		"mchid": testMchID, "out_bill_no": testBillNo, "transfer_bill_no": "1330000071100999991182020050700019480001", "state": "SUCCESS",
		"transfer_amount": 2_000, "openid": testOpenID, "create_time": testStart.Format(time.RFC3339), "update_time": testStart.Format(time.RFC3339),
	}
	if bend != nil {
		bend(values)
	}
	plain, err := json.Marshal(values)
	must(err)
	return plain
}

// transferEnvelope wraps plain as WeChat does; bend changes the envelope and its resource.
func transferEnvelope(plain []byte, bend func(envelope, resource map[string]any)) []byte {
	body, err := json.Marshal(notificationOf(plain, func(envelope, resource map[string]any) {
		envelope["event_type"], envelope["summary"] = "MCHTRANSFER.BILL.FINISHED", "商家转账单据终态通知"
		resource["original_type"], resource["associated_data"] = "mch_payment", "mch_payment"
		resource["ciphertext"] = seal(testAPIKey, "mch_payment", plain)
		if bend != nil {
			bend(envelope, resource)
		}
	}))
	must(err)
	return body
}
