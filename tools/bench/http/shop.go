package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // the signature of wx.getUserInfo
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// people is how many users the rows about known people take turns with.
const people = 500

// shop is what rows share: known people, a product, orders that wait.
type shop struct {
	s       *server
	once    sync.Once
	err     error
	product string
	tokens  []string

	unpaid  queue // ids of orders that nobody has asked to pay
	waiting queue // numbers of payments that wait for their notification
	fresh   atomic.Int64
}

// queue hands each of its things out once.
type queue struct {
	mu    sync.Mutex
	items []ticket
}

type ticket struct{ id, token string }

func (q *queue) put(t ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, t)
}

func (q *queue) take() (ticket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return ticket{}, errOut
	}
	t := q.items[0]
	q.items = q.items[1:]
	return t, nil
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

func newShop(s *server) *shop { return &shop{s: s} }

// open makes the product and the known people, once.
func (p *shop) open() error {
	p.once.Do(func() {
		var product struct{ ID string }
		p.err = p.s.call(http.MethodPost, "/api/collections/products/records", p.s.token, map[string]any{"name": "bench", "price": 100, "active": true}, &product)
		p.product = product.ID
		for i := range people {
			if p.err != nil {
				return
			}
			var token string
			token, p.err = p.login("known" + strconv.Itoa(i))
			p.tokens = append(p.tokens, token)
		}
	})
	return p.err
}

// tokenOf is a known person; they take turns.
func (p *shop) tokenOf(n int64) string { return p.tokens[n%int64(len(p.tokens))] }

// login logs in as the article's client does, with the signed profile.
func (p *shop) login(code string) (string, error) {
	raw := `{"nickName":"bench","gender":0}`
	sum := sha1.Sum([]byte(raw + sessionKey)) //nolint:gosec // see above
	var answer struct{ Token string }
	err := p.s.call(http.MethodPost, "/api/wx/login", "", map[string]any{"code": code, "rawData": raw, "signature": hex.EncodeToString(sum[:])}, &answer)
	return answer.Token, err
}

// phone sends a number as the old phone button gives it.
func (p *shop) phone(n int64) error {
	number := fmt.Sprintf("138%08d", n%100_000_000)
	text, err := json.Marshal(map[string]any{
		"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86",
		"watermark": map[string]any{"appid": appID, "timestamp": time.Now().Unix()},
	})
	if err != nil {
		return err
	}
	key, err := base64.StdEncoding.DecodeString(sessionKey)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	pad := aes.BlockSize - len(text)%aes.BlockSize
	text = append(text, bytes.Repeat([]byte{byte(pad)}, pad)...)
	iv := make([]byte, aes.BlockSize)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
	return p.s.call(http.MethodPost, "/api/wx/phone", p.tokenOf(n), map[string]any{
		"encryptedData": base64.StdEncoding.EncodeToString(text), "iv": base64.StdEncoding.EncodeToString(iv),
	}, nil)
}

// order makes an order, which waits to be paid.
func (p *shop) order(n int64) error {
	var made struct{ ID string }
	token := p.tokenOf(n)
	err := p.s.call(http.MethodPost, "/api/wx/orders", token, map[string]any{"items": []any{map[string]any{"product": p.product, "quantity": 1}}}, &made)
	if err == nil {
		p.unpaid.put(ticket{made.ID, token})
	}
	return err
}

// pay asks to pay an order for the first time.
func (p *shop) pay(int64) error {
	t, err := p.unpaid.take()
	if err != nil {
		return err
	}
	if err := p.s.call(http.MethodPost, "/api/wx/orders/"+t.id+"/pay", t.token, map[string]any{}, nil); err != nil {
		return err
	}
	p.waiting.put(t)
	return nil
}

// numbers turns the orders that wait into the numbers that WeChat knows them by.
func (p *shop) numbers() ([]string, error) {
	var all []string
	for page := 1; ; page++ {
		var answer struct{ Items []struct{ OutTradeNo string } }
		path := "/api/collections/payments/records?skipTotal=1&perPage=500&fields=outTradeNo&filter=" + "state%3D%22PREPAID%22&page=" + strconv.Itoa(page)
		if err := p.s.call(http.MethodGet, path, p.s.token, nil, &answer); err != nil {
			return nil, err
		}
		for _, item := range answer.Items {
			all = append(all, item.OutTradeNo)
		}
		if len(answer.Items) < 500 {
			return all, nil
		}
	}
}

// notify tells of a payment, signed as WeChat does.
func (p *shop) notify(number string) error {
	fields := map[string]string{
		"return_code": "SUCCESS", "result_code": "SUCCESS", "appid": appID, "mch_id": mchID, "nonce_str": "bench", "openid": "obench", "is_subscribe": "N",
		"trade_type": "JSAPI", "bank_type": "OTHERS", "total_fee": "100", "cash_fee": "100", "fee_type": "CNY", "transaction_id": "42000000000" + number,
		"out_trade_no": number, "time_end": time.Now().In(time.FixedZone("Beijing", 8*60*60)).Format("20060102150405"),
	}
	fields["sign"] = sign(fields)
	status, body, err := p.s.send(http.MethodPost, "/api/wx/notify/pay/"+mchID, "", "text/xml", []byte(writeXML(fields)))
	if err == nil && (status != http.StatusOK || !strings.Contains(string(body), "SUCCESS")) {
		return fmt.Errorf("the notification got %d: %s", status, body)
	}
	return err
}
