package sim

import (
	"net/http"
	"time"

	"wxbase/internal/sim/wire"
)

// downloadBillV2 is POST /pay/downloadbill: the file itself, or XML that says why not.
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_6 (下载对账单)
func (s *Sim) downloadBillV2(c *call) reply {
	if refusal, ok := s.checkV2(c, errParam, errParam, commonRulesV2()); !ok {
		return refusal
	}
	kind, packing := or(c.fields["bill_type"], billAll), c.fields["tar_type"]
	day, err := time.ParseInLocation("20060102", c.fields["bill_date"], wire.Beijing())
	switch {
	case err != nil:
		return failV2(errParam, "invalid bill_date", "bill_date must be yyyyMMdd")
	case !oneOf(billAll, billSuccess, billRefund, billRecharge)(kind):
		return failV2(errParam, "invalid bill_type", "bill_type must be ALL, SUCCESS, REFUND or RECHARGE_REFUND")
	case packing != "" && packing != gzipped:
		return failV2(errParam, "invalid tar_type", "tar_type must be GZIP")
	}
	data, problem := s.bill(c.seller.MchID, day, kind, c.now)
	switch problem {
	case billTooSoon, billTooOld:
		return failV2("BILL_DATE", "invalid bill_date", "the day is not over, or more than three months ago")
	case billCreating:
		return failV2("BILL_CREATING", "Bill Creating", "the bill is ready at ten o'clock in Beijing on the next day")
	case billEmpty:
		return failV2("NO_BILL", "No Bill Exist", "nothing was paid or refunded on this day")
	case billFine:
	}
	if packing == gzipped {
		if data, err = pack(data); err != nil {
			return failV2(errSystem, "SYSTEMERROR", err.Error())
		}
	}
	return reply{status: http.StatusOK, contentType: textPlain, body: data}
}
