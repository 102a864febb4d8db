package v2

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"wxbase/internal/wxpay"
	"wxbase/internal/wxpay/xmlflat"
)

// maxBillFile limits the compressed file; wxpay.ParseBill limits the unpacked one.
const maxBillFile = 256 << 20

// TradeBill implements [wxpay.Gateway]. The file has neither a signature nor a hash: only TLS shows that it is
// WeChat's, so a bill finds differences and settles nothing.
//
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_6 (下载对账单).
func (g *Gateway) TradeBill(ctx context.Context, day time.Time) (wxpay.Bill, error) {
	if err := checkBillDay(day, g.now()); err != nil {
		return wxpay.Bill{}, paramError(opBill, err)
	}
	ctx, cancel := context.WithTimeout(ctx, billTimeouts*g.timeout)
	defer cancel()
	c := g.newCall(opBill, "/pay/downloadbill", fields{
		"bill_date": day.In(beijing).Format("20060102"), "bill_type": "ALL", "tar_type": "GZIP",
	})
	res, err := g.send(ctx, c)
	if err != nil {
		return wxpay.Bill{}, err
	}
	defer res.Body.Close()
	if err := refusedByStatus(opBill, res); err != nil {
		return wxpay.Bill{}, err
	}
	return g.readBill(res, day)
}

// readBill tells a file from a refusal by the first bytes: a file is gzip or text, a refusal XML.
func (g *Gateway) readBill(res *http.Response, day time.Time) (wxpay.Bill, error) {
	body := bufio.NewReader(io.LimitReader(res.Body, maxBillFile))
	head, err := body.Peek(2)
	if err != nil {
		return wxpay.Bill{}, networkError(opBill, res, fmt.Errorf("read bill: %w", err))
	}
	switch {
	case head[0] == '<':
		return refusedBill(res, body, day)
	case bytes.Equal(head, []byte{0x1f, 0x8b}):
		file, err := gzip.NewReader(body)
		if err != nil {
			return wxpay.Bill{}, billError(res, fmt.Errorf("open bill: %w", err))
		}
		return g.parseBill(res, file, day)
	default:
		return g.parseBill(res, body, day)
	}
}

func (g *Gateway) parseBill(res *http.Response, file io.Reader, day time.Time) (wxpay.Bill, error) {
	bill, err := wxpay.ParseBill(file, day)
	if err != nil {
		return wxpay.Bill{}, billError(res, err)
	}
	for _, row := range bill.Rows {
		if row.MchID != g.mchID {
			return wxpay.Bill{}, newError(opBill, res, wxpay.KindUnverified, errors.New("bill is of another merchant"))
		}
	}
	return bill, nil
}

// billError tells a malformed file from one that did not arrive.
func billError(res *http.Response, err error) error {
	_, isCorrupt := errors.AsType[flate.CorruptInputError](err)
	if isCorrupt || errors.Is(err, wxpay.ErrBill) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return newError(opBill, res, wxpay.KindUnknown, err)
	}
	return networkError(opBill, res, err)
}

// refusedBill reads a return_code FAIL. Two of its messages are not failures: nothing was sold, and too early.
func refusedBill(res *http.Response, body io.Reader, day time.Time) (wxpay.Bill, error) {
	doc, err := readAnswer(body)
	if err != nil {
		return wxpay.Bill{}, networkError(opBill, res, err)
	}
	f, err := xmlflat.Decode(doc)
	if err != nil || f["return_code"] != wordFail {
		return wxpay.Bill{}, newError(opBill, res, wxpay.KindUnverified, errNotWeChat)
	}
	switch message := strings.ToLower(f["return_msg"]); {
	case strings.Contains(message, "no bill exist"):
		return wxpay.Bill{Date: day.In(beijing).Format(time.DateOnly), Empty: true}, nil
	case strings.Contains(message, "bill creating"):
		return wxpay.Bill{}, newRefusal(opBill, res, wxpay.KindNotReady, f["return_msg"])
	}
	return wxpay.Bill{}, refusedInWords(opBill, res, f["return_msg"])
}
