package sim

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"wxbase/internal/sim/wire"
)

// transferRules is the body of POST /v3/fund-app/mch-transfer/transfer-bills.
// https://pay.weixin.qq.com/doc/v3/merchant/4012716434 (发起转账)
func transferRules() []rule {
	return []rule{
		{name: "appid", required: true, most: 32},
		{name: "out_bill_no", required: true, most: 32, check: checkBillNo},
		{name: "transfer_scene_id", required: true, most: 36, check: checkTransferScene},
		{name: "openid", required: true, most: 128},
		{name: "user_name", most: 1024},
		{name: "transfer_amount", kind: kindInteger, required: true, atLeast: leastTransfer},
		{name: "transfer_remark", required: true, check: atMostRunes(32)},
		{name: "notify_url", most: 255, check: checkNotifyURL},
		{name: "user_recv_perception", check: atMostRunes(32)},
		{name: "transfer_scene_report_infos", kind: kindList, required: true, fields: []rule{
			{name: "info_type", required: true, check: atMostRunes(15)},
			{name: "info_content", required: true, check: atMostRunes(32)},
		}},
		{name: "user_recv_style", kind: kindObject, fields: []rule{{name: "type", required: true, check: func(value string) string {
			if !oneOf("CONFIRM_PAGE", "RED_PACKET")(value) {
				return "收款样式只能是CONFIRM_PAGE或RED_PACKET"
			}
			return ""
		}}}},
	}
}

// atMostRunes limits the characters of a text.
func atMostRunes(most int) func(string) string {
	return func(value string) string {
		if utf8.RuneCountInString(value) > most {
			return "字符数超过最大值"
		}
		return ""
	}
}

// transferScenes maps each scene to the rows that its report has; nil where the fact sheets do not tell them.
func transferScenes() map[string][]string {
	return map[string][]string{
		"1000": {"活动名称", "奖励说明"}, "1005": {"岗位类型", "报酬说明"},
		"1002": nil, "1004": nil, "1006": nil, "1009": nil, "1010": nil, "1011": nil, "1013": nil,
	}
}

func checkTransferScene(value string) string {
	if _, known := transferScenes()[value]; !known {
		return "转账场景ID有误"
	}
	return ""
}

func checkBillNo(value string) string {
	if value == "" || len(value) > 32 || strings.Trim(value, wire.Alnum) != "" {
		return "商户单号须为1至32个字符，只能是数字、大小写字母"
	}
	return ""
}

// transfer is POST /v3/fund-app/mch-transfer/transfer-bills: a transfer, or the same transfer again.
func (s *Sim) transfer(c *call) reply {
	fields, bad := decodePay(c.body)
	if bad == nil {
		bad = checkFields("", fields, transferRules())
	}
	if bad == nil {
		bad = checkReports(fields)
	}
	var name string
	if bad == nil {
		name, bad = openName(c, fields)
	}
	if bad != nil {
		return bad.reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if bad := s.checkReceiver(c, fields); bad != nil {
		return bad.reply(c)
	}
	t, err := s.ripenedTransfer(s.state.transfers[c.seller.MchID+"/"+text(fields["out_bill_no"])], c.now)
	switch {
	case err != nil:
		return systemError(err.Error()).reply(c)
	case t != nil && t.Hash != transferHash(fields, name):
		e := transferRefusal(http.StatusBadRequest, "INVALID_REQUEST", "商户单号已存在，请求参数与原单不一致")
		e.reason = "the number was used before with other parameters; a retry repeats them all"
		return e.reply(c)
	case t == nil:
		if bad := refusedByFault(c.fault); bad != nil {
			return bad.reply(c)
		}
		if t, err = s.makeTransfer(c, fields, name); err != nil {
			return systemError(err.Error()).reply(c)
		}
	}
	return okPay(t.created())
}

// transferHash is of the parameters with the name as it was read: its ciphertext is another one each time.
func transferHash(fields map[string]any, name string) string {
	compared := maps.Clone(fields)
	compared["user_name"] = name
	return hashOf(compared)
}

// checkReports wants the rows of the scene, each once, and words of the scene's own list.
func checkReports(fields map[string]any) *payError {
	scene, rows := text(fields["transfer_scene_id"]), fields["transfer_scene_report_infos"].([]any) //nolint:forcetypeassert // checkFields has looked
	got := make([]string, 0, len(rows))
	for _, row := range rows {
		got = append(got, text(object(row)["info_type"]))
	}
	wanted := transferScenes()[scene]
	same := len(got) > 0 && (wanted == nil || slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(wanted))))
	if !same {
		bad := badField(numParam, "/transfer_scene_report_infos", nil, "转账场景报备信息与场景不符")
		bad.reason = "the rows of transfer_scene_report_infos are not those of the scene"
		return bad
	}
	if said := text(fields["user_recv_perception"]); scene == "1000" && said != "" && !oneOf("活动奖励", "现金奖励")(said) {
		e := transferRefusal(http.StatusBadRequest, "INVALID_REQUEST", "用户收款感知与转账场景不符")
		e.reason = "user_recv_perception is not in the list of the scene"
		return &e
	}
	return nil
}

// openName reads the receiver's name with the key that Wechatpay-Serial names.
func openName(c *call, fields map[string]any) (string, *payError) {
	sealed := text(fields["user_name"])
	if sealed == "" {
		if integer(fields["transfer_amount"]) >= nameFrom {
			return "", badField(numParam, "/user_name", nil, "转账金额大于等于2000元时，收款用户姓名必填")
		}
		return "", nil
	}
	key := c.seller.sealKey(c.r.Header.Get("Wechatpay-Serial"))
	if key == nil {
		return "", &payError{
			status: http.StatusBadRequest, code: "PARAM_ERROR", numeric: numParam, message: "Wechatpay-Serial有误",
			reason: "encrypted fields need Wechatpay-Serial: the public key's id or the platform certificate's serial",
		}
	}
	name, err := openOAEP(key, sealed)
	if err != nil || !utf8.Valid(name) {
		return "", badField(numParam, "/user_name", nil, "敏感字段解密失败")
	}
	return string(name), nil
}

// checkReceiver wants the merchant bound to the mini program, and somebody behind the openid. The caller holds s.mu.
func (s *Sim) checkReceiver(c *call, fields map[string]any) *payError {
	if _, known := s.findApp(text(fields["appid"])); !known || !c.seller.isBound(text(fields["appid"])) {
		return &payError{
			status: 400, code: "APPID_MCHID_NOT_MATCH", numeric: numAppMismatch, message: "appid和mch_id不匹配",
			reason: "the merchant is not bound to this appid",
		}
	}
	if s.whoIs(text(fields["appid"]), text(fields["openid"])) == nil {
		e := paramError(numOpenID, "body", "/openid", text(fields["openid"]), "无效的openid")
		e.message, e.reason = "无效的openid", "no person has this openid at this appid"
		return &e
	}
	return nil
}

// refusedByFault is the refusal that a fault stands for, nil for none.
func refusedByFault(f *fault) *payError {
	refusals := map[string]payError{
		"not_enough": transferRefusal(http.StatusForbidden, "NOT_ENOUGH", "商户账户余额不足"),
		"no_auth":    transferRefusal(http.StatusForbidden, "NO_AUTH", "商户未开通商家转账或无权使用该场景"),
		"user_error": transferRefusal(http.StatusBadRequest, "USER_ERROR", "收款用户账户异常"),
	}
	e, ok := refusals[f.name()]
	if !ok {
		return nil
	}
	e.reason = faulty
	return &e
}

func transferRefusal(status int, code, message string) payError {
	return payError{status: status, code: code, numeric: numParam, message: message}
}

// makeTransfer takes a transfer on. The caller holds s.mu.
func (s *Sim) makeTransfer(c *call, fields map[string]any, name string) (*transfer, error) {
	t := &transfer{
		MchID: c.seller.MchID, AppID: text(fields["appid"]), OutBillNo: text(fields["out_bill_no"]), BillNo: wire.NewTransferBillNo(c.now),
		OpenID: text(fields["openid"]), SceneID: text(fields["transfer_scene_id"]), Remark: text(fields["transfer_remark"]),
		Perception: text(fields["user_recv_perception"]), UserName: name, NotifyURL: text(fields["notify_url"]),
		Amount: integer(fields["transfer_amount"]), State: transferWaits, Package: "AAO" + wire.Pick(wire.Alnum, 61) + "=",
		Hash: transferHash(fields, name), ByKey: c.byKey, MadeAt: c.now, UpdatedAt: c.now,
	}
	switch {
	case c.fault.hasKind("transfer_accepted"):
		t.State = transferAccepted
	case c.fault.hasKind("transfer_fail"):
		t.Fate = failAccount
	}
	return t, s.addTransfer(t)
}

// transferCreated is the answer to a transfer that is taken on.
type transferCreated struct {
	OutBillNo  string `json:"out_bill_no"`
	BillNo     string `json:"transfer_bill_no"`
	CreateTime string `json:"create_time"`
	State      string `json:"state"`
	FailReason string `json:"fail_reason,omitempty"`
	Package    string `json:"package_info,omitempty"`
}

// created tells package_info as long as somebody can confirm.
func (t *transfer) created() transferCreated {
	a := transferCreated{OutBillNo: t.OutBillNo, BillNo: t.BillNo, CreateTime: wire.Stamp(t.MadeAt), State: t.State, FailReason: t.FailReason}
	if t.State == transferWaits {
		a.Package = t.Package
	}
	return a
}

// queryTransfer is GET /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}.
// https://pay.weixin.qq.com/doc/v3/merchant/4012716437 (商户单号查询转账单)
func (s *Sim) queryTransfer(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answerTransfer(c, s.state.transfers[c.seller.MchID+"/"+c.param("out_bill_no")])
}

// queryTransferByID is GET /v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}.
func (s *Sim) queryTransferByID(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answerTransfer(c, s.state.byBillNo[c.param("transfer_bill_no")])
}

// transferTold is a transfer as the queries tell it.
type transferTold struct {
	MchID      string `json:"mch_id"`
	OutBillNo  string `json:"out_bill_no"`
	BillNo     string `json:"transfer_bill_no"`
	AppID      string `json:"appid"`
	State      string `json:"state"`
	Amount     int64  `json:"transfer_amount"`
	Remark     string `json:"transfer_remark"`
	FailReason string `json:"fail_reason,omitempty"`
	OpenID     string `json:"openid"`
	CreateTime string `json:"create_time"`
	UpdateTime string `json:"update_time"`
}

// answerTransfer tells a transfer as it stands, or that there is none. note: it does not tell package_info. The caller holds s.mu.
func (s *Sim) answerTransfer(c *call, t *transfer) reply {
	t, err := s.ripenedTransfer(t, c.now)
	if err != nil {
		return systemError(err.Error()).reply(c)
	}
	if t == nil || t.MchID != c.seller.MchID || c.now.Sub(t.MadeAt) >= rememberedFor {
		return transferMissing().reply(c)
	}
	return okPay(transferTold{
		MchID: t.MchID, OutBillNo: t.OutBillNo, BillNo: t.BillNo, AppID: t.AppID, State: t.State, Amount: t.Amount, Remark: t.Remark,
		FailReason: t.FailReason, OpenID: t.OpenID, CreateTime: wire.Stamp(t.MadeAt), UpdateTime: wire.Stamp(t.UpdatedAt),
	})
}

func transferMissing() payError {
	return payError{
		status: http.StatusNotFound, code: "NOT_FOUND", numeric: numOrderMissing, message: "记录不存在",
		reason: "no transfer of this merchant within 30 days has this number",
	}
}

// cancelTransfer is POST /v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel, without a body.
// https://pay.weixin.qq.com/doc/v3/merchant/4012716458 (撤销转账)
func (s *Sim) cancelTransfer(c *call) reply {
	if len(c.body) > 0 {
		return badField(numParam, "/", nil, "请求报文须为空").reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.ripenedTransfer(s.state.transfers[c.seller.MchID+"/"+c.param("out_bill_no")], c.now)
	switch {
	case err != nil:
		return systemError(err.Error()).reply(c)
	case t == nil:
		return transferMissing().reply(c)
	case t.State == transferAccepted || t.State == transferWaits:
		if err := s.moveTransfer(t, transferCancelling, "", c.now); err != nil {
			return systemError(err.Error()).reply(c)
		}
	case t.State != transferCancelling && t.State != transferCancelled:
		e := transferRefusal(http.StatusBadRequest, "INVALID_REQUEST", "当前转账单状态不支持撤销")
		e.reason = "the receiver has confirmed, or the transfer has ended"
		return e.reply(c)
	}
	return okPay(map[string]string{
		"out_bill_no": t.OutBillNo, "transfer_bill_no": t.BillNo, "state": t.State, "update_time": wire.Stamp(t.UpdatedAt),
	})
}
