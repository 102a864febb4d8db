package wxpay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

const (
	billPath    = "/v3/bill/tradebill"
	billTimeout = 2 * time.Minute // of the download alone
)

// TradeBill implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4013071227 (申请交易账单), and 4013071238 (下载账单).
func (v *V3) TradeBill(ctx context.Context, day time.Time) (Bill, error) {
	if err := checkBillDay(day, v.now()); err != nil {
		return Bill{}, paramError(opBill, err)
	}
	date := beijing(day).Format(time.DateOnly)
	query := url.Values{"bill_date": {date}, "bill_type": {"ALL"}, "tar_type": {"GZIP"}}
	result, err := v.sdk.Get(ctx, consts.WechatPayAPIServer+billPath+"?"+query.Encode())
	if err := classify(opBill, result, err); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Code == codeNoBill {
			return Bill{Date: date, Empty: true}, nil
		}
		return Bill{}, err
	}
	file, err := v.readBillFile(result)
	if err != nil {
		return Bill{}, err
	}
	bill, err := v.download(ctx, file, day)
	if err != nil {
		return Bill{}, err
	}
	for _, row := range bill.Rows {
		if row.MchID != v.mchID {
			return Bill{}, newError(opBillFile, nil, KindUnverified, "bill is of another merchant")
		}
	}
	return bill, nil
}

// checkBillDay has no lower limit: WeChat decides how old is too old.
func checkBillDay(day, now time.Time) error {
	if day.IsZero() || beijing(day).Format(time.DateOnly) >= beijing(now).Format(time.DateOnly) {
		return errors.New("bill_date must be a day before today in Beijing")
	}
	return nil
}

// billFile is the address of the bill and its hash. WeChat signs this answer, not the file.
type billFile struct {
	address *url.URL // on the official host, whatever host WeChat named
	sha1    string
}

func (v *V3) readBillFile(result *core.APIResult) (billFile, error) {
	var answer struct {
		HashType    string `json:"hash_type"`
		HashValue   string `json:"hash_value"`
		DownloadURL string `json:"download_url"`
	}
	raw, err := io.ReadAll(result.Response.Body)
	if err != nil || json.Unmarshal(raw, &answer) != nil {
		return billFile{}, answerError(opBill, result, "answer is not the JSON we know")
	}
	sum, err := hex.DecodeString(answer.HashValue)
	if answer.HashType != "SHA1" || err != nil || len(sum) != sha1.Size {
		return billFile{}, answerError(opBill, result, "answer has no SHA1 of the bill")
	}
	address, err := v.billAddress(answer.DownloadURL)
	if err != nil {
		return billFile{}, answerError(opBill, result, err.Error())
	}
	return billFile{address: address, sha1: hex.EncodeToString(sum)}, nil
}

// billAddress keeps WeChat's path and query, which are signed, and always uses the host of all other calls.
//
// NB! the request carries our signature: an address on another host is refused, not corrected.
func (v *V3) billAddress(text string) (*url.URL, error) {
	given, err := url.Parse(text)
	if err != nil || given.User != nil || given.Opaque != "" || given.Path == "" || given.Fragment != "" {
		return nil, errors.New("download_url is not an address")
	}
	ours := given.Scheme == v.base.Scheme && given.Host == v.base.Host
	if !ours && !isOfficial(given) {
		return nil, errors.New("download_url is not on a host of WeChat Pay")
	}
	given.Scheme, given.Host = "https", officialHost
	return given, nil
}

// download fetches the file and checks that it is the announced one.
func (v *V3) download(ctx context.Context, file billFile, day time.Time) (Bill, error) {
	ctx, cancel := context.WithTimeout(ctx, billTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, file.address.String(), http.NoBody)
	if err != nil {
		return Bill{}, paramError(opBillFile, errors.New("download_url cannot be asked for"))
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", "wxbase")
	// note: without it the transport asks for gzip by itself and unpacks unseen.
	req.Header.Set("Accept-Encoding", "identity")
	// not an http.Client: it follows redirects, and the SDK's validator demands a signature.
	res, err := v.wire.open(req)
	if err != nil {
		return Bill{}, networkError(opBillFile, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return Bill{}, refusedFile(res)
	}
	return file.read(res.Body, day)
}

// refusedFile reads what came instead of a file.
func refusedFile(res *http.Response) error {
	body, err := readAnswer(res.Body)
	if err != nil {
		return networkError(opBillFile, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	result := &core.APIResult{Response: res}
	if err := classify(opBillFile, result, core.CheckResponse(res)); err != nil {
		return err
	}
	return newError(opBillFile, result, KindUnknown, "answer is no file")
}

// read parses while it unpacks and hashes, and returns a bill only when the hash is right.
//
// The SHA1 may cover the unpacked bytes, as in WeChat's sample for Java, or the packed ones: the documents do not say
// which, and either one is proof.
func (f billFile) read(body io.Reader, day time.Time) (Bill, error) {
	packed, unpacked := sha1.New(), sha1.New()
	source := &source{r: io.LimitReader(body, MaxBillBytes+1)}
	plain := io.TeeReader(unpack(io.TeeReader(source, packed)), unpacked)
	bill, err := ParseBill(plain, day)
	if err != nil && source.err == nil {
		// read the rest, up to the limit of a bill: only the whole file's hash tells whether WeChat or the network is
		// at fault.
		_, _ = io.Copy(io.Discard, io.LimitReader(plain, MaxBillBytes))
	}
	switch {
	case source.err != nil:
		return Bill{}, networkError(opBillFile, source.err)
	case !f.hasHash(packed) && !f.hasHash(unpacked):
		return Bill{}, newError(opBillFile, nil, KindUnverified, "file is not the one that was announced")
	case err != nil:
		// the hash is right, so WeChat sent a file that cannot be parsed.
		return Bill{}, newError(opBillFile, nil, KindUnknown, err.Error()).WithCause(err)
	}
	bill.SHA1 = f.sha1
	return bill, nil
}

func (f billFile) hasHash(sum hash.Hash) bool { return hex.EncodeToString(sum.Sum(nil)) == f.sha1 }

// unpack detects gzip by the bytes: a server may not know tar_type.
func unpack(r io.Reader) io.Reader {
	buffered := bufio.NewReader(r)
	// reading meets the same error again, and a file shorter than two bytes is not gzip.
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return buffered // read as plain text, and refused by the parser
	}
	return plain
}

// source remembers a network error, so that it is not reported as a malformed file.
type source struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// networkError wraps errors of calls made without the SDK.
func networkError(op string, err error) error {
	return classify(op, nil, fmt.Errorf("send: %w", &url.Error{Op: "Get", Err: err}))
}
