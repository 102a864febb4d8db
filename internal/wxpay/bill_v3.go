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

// checkBillDay lets WeChat say how old is too old.
func checkBillDay(day, now time.Time) error {
	if day.IsZero() || beijing(day).Format(time.DateOnly) >= beijing(now).Format(time.DateOnly) {
		return errors.New("bill_date must be a day before today in Beijing")
	}
	return nil
}

// billFile is where the bill is, and what proves it: this answer is signed, the file is not.
type billFile struct {
	address *url.URL // on the official host, whichever one WeChat named
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

// billAddress takes the path and the query as WeChat gave them, which is what will be signed, and the host
// from nobody: the request goes where all the others go.
//
// NB! what follows carries our signature. An address elsewhere is refused and not mended.
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

// download fetches the file and believes it only if it is the one that was announced.
func (v *V3) download(ctx context.Context, file billFile, day time.Time) (Bill, error) {
	ctx, cancel := context.WithTimeout(ctx, billTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, file.address.String(), http.NoBody)
	if err != nil {
		return Bill{}, paramError(opBillFile, errors.New("download_url cannot be asked for"))
	}
	req.Header.Set("Accept", "*/*")
	req.Header.Set("User-Agent", "wxbase")
	// note: without it the transport asks for gzip of its own accord, and unpacks behind our back.
	req.Header.Set("Accept-Encoding", "identity")
	// no http.Client: it would follow redirects, and the validator of the SDK's wants a signature.
	res, err := v.wire.open(req)
	if err != nil {
		return Bill{}, networkError(opBillFile, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return Bill{}, refusedFile(opBillFile, res)
	}
	return file.read(res.Body, day)
}

// refusedFile reads what came instead of a file.
func refusedFile(op string, res *http.Response) error {
	body, err := readAnswer(res.Body)
	if err != nil {
		return networkError(op, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	result := &core.APIResult{Response: res}
	if err := classify(op, result, core.CheckResponse(res)); err != nil {
		return err
	}
	return newError(op, result, KindUnknown, "answer is no file")
}

// read parses while it unpacks and hashes, and hands out nothing before the hash is right.
//
// The SHA1 may be over the unpacked bytes, as in WeChat's own sample for Java, or over the packed ones, as
// they come: the documents do not say which, and either proves the same.
func (f billFile) read(body io.Reader, day time.Time) (Bill, error) {
	packed, unpacked := sha1.New(), sha1.New()
	source := &source{r: io.LimitReader(body, MaxBillBytes+1)}
	plain := io.TeeReader(unpack(io.TeeReader(source, packed)), unpacked)
	bill, err := ParseBill(plain, day)
	if err != nil && source.err == nil {
		// whose fault is it? what is left decides, as far as a bill may go.
		_, _ = io.Copy(io.Discard, io.LimitReader(plain, MaxBillBytes))
	}
	switch {
	case source.err != nil:
		return Bill{}, networkError(opBillFile, source.err)
	case !f.is(packed) && !f.is(unpacked):
		return Bill{}, newError(opBillFile, nil, KindUnverified, "file is not the one that was announced")
	case err != nil:
		// it is the one that was announced, and makes no sense.
		return Bill{}, newError(opBillFile, nil, KindUnknown, err.Error()).WithCause(err)
	}
	bill.SHA1 = f.sha1
	return bill, nil
}

func (f billFile) is(sum hash.Hash) bool { return hex.EncodeToString(sum.Sum(nil)) == f.sha1 }

// unpack goes by the bytes: a server may not know tar_type.
func unpack(r io.Reader) io.Reader {
	buffered := bufio.NewReader(r)
	// an error comes again when it is read, and a file shorter than two bytes is no gzip.
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		return buffered // then it is read as it is, and refused
	}
	return plain
}

// source remembers the network's error, which must not be taken for a malformed file.
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

// networkError is for calls that the SDK does not make.
func networkError(op string, err error) error {
	return classify(op, nil, fmt.Errorf("send: %w", &url.Error{Op: "Get", Err: err}))
}
