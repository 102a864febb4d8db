package sim

import (
	"encoding/json"
	"time"
)

// xpayItem is an item of a mini program. It can be bought once it is published.
type xpayItem struct {
	AppID     string    `json:"appid"`
	Env       int       `json:"env"`
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Price     int64     `json:"price"`
	UploadAt  time.Time `json:"uploadAt"`  // when it is there
	PublishAt time.Time `json:"publishAt"` // when it can be bought; zero before somebody publishes it
}

func (i xpayItem) Entity() (kind, id string) { return "xpay_item", xpayKey(i.AppID, i.Env, i.ID) }

// xpayTaskTakes is how long a batch is under way.
const xpayTaskTakes = time.Second

// uploadXpay is POST /xpay/start_upload_goods.
func (s *Sim) uploadXpay(c *call) reply {
	var form struct {
		Items []struct {
			ID     string `json:"id"`
			Name   string `json:"name"`
			Price  int64  `json:"price"`
			Remark string `json:"remark"`
			URL    string `json:"item_url"`
		} `json:"upload_item"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in, refusal, ok := s.openXpay(c, &form)
	if !ok {
		return refusal
	}
	for _, item := range form.Items {
		if item.ID == "" || len(item.ID) > 64 || item.Name == "" || len(item.Name) > 1024 || item.Price < 1 {
			return c.refuse(268490002, "an item needs an id of at most 64, a name of at most 1024 bytes and a price")
		}
	}
	if len(form.Items) == 0 {
		return c.refuse(268490002, "upload_item is empty")
	}
	for _, item := range form.Items {
		key := xpayKey(c.appid, in.env, item.ID)
		if s.state.xpayItems[key] != nil {
			continue // note: it exists, and stays as it is
		}
		fresh := &xpayItem{AppID: c.appid, Env: in.env, ID: item.ID, Name: item.Name, Price: item.Price, UploadAt: c.now.Add(xpayTaskTakes)}
		if err := s.save(*fresh); err != nil {
			return c.refuse(-1, err.Error())
		}
		s.state.xpayItems[key] = fresh
	}
	return c.ok(plainOK{ErrMsg: "ok"})
}

// publishXpay is POST /xpay/start_publish_goods.
func (s *Sim) publishXpay(c *call) reply {
	var form struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"publish_item"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	in, refusal, ok := s.openXpay(c, &form)
	if !ok {
		return refusal
	}
	for _, asked := range form.Items {
		item := s.state.xpayItems[xpayKey(c.appid, in.env, asked.ID)]
		if item == nil || c.now.Before(item.UploadAt) {
			return c.refuse(268490002, "an item that is to be published was not uploaded")
		}
		if !item.PublishAt.IsZero() {
			continue
		}
		next := *item
		next.PublishAt = c.now.Add(xpayTaskTakes)
		if err := s.save(next); err != nil {
			return c.refuse(-1, err.Error())
		}
		*item = next
	}
	return c.ok(plainOK{ErrMsg: "ok"})
}

// uploadedXpay is POST /xpay/query_upload_goods, publishedXpay POST /xpay/query_publish_goods.
func (s *Sim) uploadedXpay(c *call) reply {
	return s.xpayTask(c, "upload_item", "upload_status", func(i *xpayItem) time.Time { return i.UploadAt })
}

func (s *Sim) publishedXpay(c *call) reply {
	return s.xpayTask(c, "publish_item", "publish_status", func(i *xpayItem) time.Time { return i.PublishAt })
}

func (s *Sim) xpayTask(c *call, list, status string, at func(*xpayItem) time.Time) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, refusal, ok := s.openXpay(c, &struct{}{})
	if !ok {
		return refusal
	}
	items, task := []map[string]any{}, 0
	for _, key := range sortedKeys(s.state.xpayItems) {
		item := s.state.xpayItems[key]
		if item.AppID != c.appid || item.Env != in.env || at(item).IsZero() {
			continue
		}
		state := 2
		if c.now.Before(at(item)) {
			state = 0
		}
		if task == 0 {
			task = 3
		}
		if state == 0 {
			task = 1
		}
		items = append(items, map[string]any{"id": item.ID, "name": item.Name, "price": item.Price, status: state, "errmsg": ""})
	}
	return c.ok(map[string]any{"errcode": 0, "errmsg": "ok", "status": task, list: items})
}

// xpayPurse is a person's coins.
type xpayPurse struct {
	AppID  string           `json:"appid"`
	Env    int              `json:"env"`
	OpenID string           `json:"openid"`
	Coins  int64            `json:"coins"`
	Moves  map[string]int64 `json:"moves"` // by the number of each call: what it changed
}

func (p xpayPurse) Entity() (kind, id string) { return "xpay_purse", xpayKey(p.AppID, p.Env, p.OpenID) }

// purse gives a person's coins. The caller holds s.mu.
func (s *Sim) purse(appid string, env int, openid string) *xpayPurse {
	key := xpayKey(appid, env, openid)
	if s.state.xpayCoins[key] == nil {
		s.state.xpayCoins[key] = &xpayPurse{AppID: appid, Env: env, OpenID: openid, Moves: map[string]int64{}}
	}
	return s.state.xpayCoins[key]
}

func (p *xpayPurse) answer(c *call, orderID string) reply {
	return c.ok(map[string]any{"errcode": 0, "errmsg": "ok", "order_id": orderID, "balance": p.Coins, "present_balance": p.Coins})
}

// xpayBalance is POST /xpay/query_user_balance.
func (s *Sim) xpayBalance(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, refusal, ok := s.openXpayUser(c, &struct{}{})
	if !ok {
		return refusal
	}
	return s.purse(c.appid, in.env, in.OpenID).answer(c, "")
}

// coinRequest is the body of the calls that move coins.
type coinRequest struct {
	Amount     int64           `json:"amount"`
	PayOrderID string          `json:"pay_order_id"`
	PayItem    json.RawMessage `json:"payitem"`
}

// spendXpay is POST /xpay/currency_pay, returnXpay POST /xpay/cancel_currency_pay, giveXpay POST /xpay/present_currency.
func (s *Sim) spendXpay(c *call) reply { return s.moveCoins(c, -1, s.openXpayUser) }

func (s *Sim) returnXpay(c *call) reply { return s.moveCoins(c, 1, s.openXpayUser) }

func (s *Sim) giveXpay(c *call) reply { return s.moveCoins(c, 1, s.openXpay) }

func (s *Sim) moveCoins(c *call, sign int64, open func(*call, any) (xpayCall, reply, bool)) reply {
	var form coinRequest
	s.mu.Lock()
	defer s.mu.Unlock()
	in, refusal, ok := open(c, &form)
	if !ok {
		return refusal
	}
	if s.whoIs(c.appid, in.OpenID) == nil {
		return c.refuse(268490001, "no openid of this mini program")
	}
	p := s.purse(c.appid, in.env, in.OpenID)
	_, done := p.Moves[in.OrderID]
	switch {
	case in.OrderID == "" || form.Amount < 1:
		return c.refuse(268490002, "order_id is missing or amount is below 1")
	case done:
		return c.refuse(268490004, "this number was used before")
	case sign < 0 && p.Coins < form.Amount:
		return c.refuse(268490006, "there are not so many coins")
	case form.PayOrderID != "" && -p.Moves[form.PayOrderID] != form.Amount:
		return c.refuse(268490002, "pay_order_id is no payment of this amount")
	case form.PayOrderID != "" && p.Moves["undone "+form.PayOrderID] != 0:
		return c.refuse(268490005, "the coins were given back before")
	}
	p.Coins += sign * form.Amount
	p.Moves[in.OrderID] = sign * form.Amount
	if form.PayOrderID != "" {
		p.Moves["undone "+form.PayOrderID] = 1
	}
	if err := s.save(*p); err != nil {
		return c.refuse(-1, err.Error())
	}
	return p.answer(c, in.OrderID)
}
