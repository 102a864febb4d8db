package wxpay

// The decoder of transfers is unexported, so this file sits inside the package.

import "testing"

// FuzzTransferJSON feeds the decoder what a decrypted resource or an answer might hold.
func FuzzTransferJSON(f *testing.F) {
	f.Add([]byte(`{"mch_id":"1","out_bill_no":"po1","state":"WAIT_USER_CONFIRM","transfer_amount":30,"create_time":"2026-01-01T10:00:05+08:00"}`))
	f.Add([]byte(`{"mchid":"1","out_bill_no":"po1","state":"SUCCESS","transfer_amount":1e400}`))
	f.Add([]byte(`{"out_bill_no":[],"state":null}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseTransfer(raw)
		if err == nil && (got.OutBillNo == "" || got.State == "" || got.Amount < 0) {
			t.Errorf("got %+v, want it refused", got)
		}
	})
}
