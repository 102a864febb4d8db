package sim

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"wxbase/internal/sim/wire"
)

const (
	billPath  = "/v3/billdownload/file"
	billLife  = 5 * time.Minute
	billsKept = 32
	gzipped   = "GZIP"
)

// readyBill is a bill that waits for its download.
type readyBill struct {
	token string
	data  []byte
	until time.Time
}

// tradeBill is GET /v3/bill/tradebill: the address of a day's bill, valid for five minutes.
// https://pay.weixin.qq.com/doc/v3/merchant/4013071227 (申请交易账单)
func (s *Sim) tradeBill(c *call) reply {
	kind, packing := or(c.query.Get("bill_type"), billAll), c.query.Get("tar_type")
	day, err := time.ParseInLocation(time.DateOnly, c.query.Get("bill_date"), wire.Beijing())
	switch {
	case err != nil:
		return paramError(numParam, "query", "bill_date", clip(c.query.Get("bill_date"), 32), "账单日期格式须为yyyy-MM-dd").reply(c)
	case !slices.Contains([]string{billAll, billSuccess, billRefund}, kind):
		return paramError(numParam, "query", "bill_type", clip(kind, 32), "账单类型只能是ALL、SUCCESS或REFUND").reply(c)
	case packing != "" && packing != gzipped:
		return paramError(numParam, "query", "tar_type", clip(packing, 32), "压缩类型只能是GZIP").reply(c)
	}
	data, problem := s.bill(c.seller.MchID, day, kind, c.now)
	if problem != billFine {
		return problem.v3().reply(c)
	}
	return s.offerBill(c, data, packing)
}

// offerBill keeps a file and answers with its address.
func (s *Sim) offerBill(c *call, data []byte, packing string) reply {
	sent := data
	if packing == gzipped {
		var err error
		if sent, err = pack(data); err != nil {
			return systemError(err.Error()).reply(c)
		}
	}
	sum := sha1.Sum(data) // note: of the plain file, also for a compressed download, unless the rule says otherwise
	if s.rule().billHash == hashPacked {
		sum = sha1.Sum(sent)
	}
	return okPay(map[string]string{
		"hash_type": "SHA1", "hash_value": hex.EncodeToString(sum[:]),
		"download_url": s.originFor(c.r) + billPath + "?token=" + s.keepBill(sent, c.now),
	})
}

// originFor is the address under which the caller reached us: WeChat Pay's own when a proxy or a hosts file redirects
// its name here, because such a client would refuse another host.
func (s *Sim) originFor(r *http.Request) string {
	if host := hostOf(r.Host); oneOf("api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "api.wechatpay.cn")(host) {
		return "https://" + host
	}
	return or(*s.base.Load(), "http://"+r.Host)
}

// pack is gzip.
func pack(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("pack bill: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack bill: %w", err)
	}
	return out.Bytes(), nil
}

// v3 is the refusal in WeChat Pay v3's words.
func (p billProblem) v3() payError {
	e := payError{status: http.StatusBadRequest, code: "INVALID_REQUEST", numeric: numBill}
	switch p {
	case billFine:
	case billTooSoon:
		e.message, e.reason = "账单日期只能是今天之前", "a bill comes the day after"
	case billTooOld:
		e.message, e.reason = "只能下载三个月以内的账单", "the day is more than three months ago"
	case billCreating:
		e.code, e.message, e.reason = "STATEMENT_CREATING", "账单生成中", "the bill is ready at ten o'clock in Beijing on the next day"
	case billEmpty:
		e.code, e.message, e.reason = "NO_STATEMENT_EXIST", "账单文件不存在", "nothing was paid or refunded on this day"
	}
	return e
}

// keepBill keeps a file for its download and returns the token.
func (s *Sim) keepBill(data []byte, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bills = slices.DeleteFunc(s.bills, func(b readyBill) bool { return !now.Before(b.until) })
	if len(s.bills) >= billsKept {
		s.bills = slices.Delete(s.bills, 0, 1)
	}
	b := readyBill{token: wire.Pick(wire.URLAlnum, 64), data: data, until: now.Add(billLife)}
	s.bills = append(s.bills, b)
	return b.token
}

// downloadBill is GET of a download_url: the file without a signature.
// https://pay.weixin.qq.com/doc/v3/merchant/4013071238 (下载账单)
func (s *Sim) downloadBill(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := c.query.Get("token")
	i := slices.IndexFunc(s.bills, func(b readyBill) bool { return b.token == token })
	if i < 0 || !c.now.Before(s.bills[i].until) {
		return payError{
			status: http.StatusBadRequest, code: "INVALID_REQUEST", numeric: numBill, message: "下载链接无效或已过期",
			reason: "nobody gave this token, or longer ago than five minutes",
		}.reply(c)
	}
	return reply{status: http.StatusOK, contentType: "application/octet-stream", body: s.bills[i].data, unsigned: true}
}
