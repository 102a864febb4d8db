package wechat_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

// TestTradeComplaintPush reads the samples that there are: in JSON and XML, with the fields inside and outside, with a list or one step or none.
func TestTradeComplaintPush(t *testing.T) {
	t.Parallel()
	const fields = `"appid":"` + appID + `","option_type":1,"complaint_order_id":5101151,"status":201,"create_time":1760000000,"expire_time":1760172800,"type":"2","order_id":"4200","out_trade_no":"N1","phone_number":"13800138000","open_id":"o1","customer_material_content":"没发货","total_cost":3600,"product_name":"面"`
	const xml = "<appid>" + appID + "</appid><complaint_order_id>5101151</complaint_order_id><status>201</status><create_time>1760000000</create_time><expire_time>1760172800</expire_time><out_trade_no>N1</out_trade_no><phone_number>13800138000</phone_number>"
	for name, body := range map[string]string{
		"inside":          event(wechat.EventTradeComplaint, `,"BussiCallBackInfo":{`+fields+`,"history":[{"time":1760000000,"content":"没发货"},{"time":1760000001,"content":"催"}]}`),
		"outside":         event(wechat.EventTradeComplaint, `,`+fields+`,"history":{"time":1760000000,"content":"没发货"}`),
		"no history":      event(wechat.EventTradeComplaint, `,`+fields+`,"history":""`),
		"milliseconds":    event(wechat.EventTradeComplaint, `,`+strings.NewReplacer("1760000000", "1760000000000", "1760172800", "1760172800000").Replace(fields)),
		"numbers as text": event(wechat.EventTradeComplaint, `,`+strings.NewReplacer("5101151", `"5101151"`, "201", `"201"`).Replace(fields)),
		"XML":             eventXML(wechat.EventTradeComplaint, "<BussiCallBackInfo>"+xml+"<history><time>1</time><content>a</content></history><history><time>2</time><content>b</content></history></BussiCallBackInfo>"),
		"XML, empty":      eventXML(wechat.EventTradeComplaint, "<BussiCallBackInfo>"+xml+"<type></type><pay_time></pay_time><history></history></BussiCallBackInfo>"),
	} {
		m := opened(t, body)
		got, err := m.TradeComplaint()
		if err != nil || got.ID != "5101151" || got.Status != wechat.TradeToAnswer || got.OutTradeNo != "N1" || !got.Expires.Equal(time.Unix(1760172800, 0)) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		if kept := string(m.KeepableRaw()); strings.Contains(kept, "13800138000") || !strings.Contains(kept, "5101151") {
			t.Errorf("%s: got %s kept, want it without the phone number alone", name, kept)
		}
	}
	for body, want := range map[string]error{
		event(wechat.EventTradeComplaint, `,"status":201`):                                                     wechat.ErrMissingField,
		event(wechat.EventTradeComplaint, `,"complaint_order_id":1`):                                           wechat.ErrMissingField,
		event(wechat.EventTradeComplaint, `,"appid":"wx0000000000000000","complaint_order_id":1,"status":201`): wechat.ErrPushAppID,
		event(wechat.EventMediaChecked, `,"complaint_order_id":1,"status":201`):                                wechat.ErrPushEvent,
	} {
		if _, err := opened(t, body).TradeComplaint(); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", body, err, want)
		}
	}
}
