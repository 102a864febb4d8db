package simcmd

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// errNotPlayed is for a scenario that the backend's file gives no means to play.
var errNotPlayed = errors.New("skipped")

// tellRefunds sets at the simulated pay.weixin.qq.com where the backend is notified of refunds made there.
func (r *runner) tellRefunds() error {
	if len(r.config.Merchants) > 0 {
		r.vars["mchid"] = r.config.Merchants[0].MchID
	}
	if r.backend.RefundURL == "" {
		return nil
	}
	if err := r.sim.do(http.MethodPost, "/merchant", map[string]string{"refundUrl": r.text(r.backend.RefundURL)}, nil); err != nil {
		return fmt.Errorf("enter refundUrl: %w", err)
	}
	return nil
}

// closeOrder lets the backend close its order, and looks whether WeChat Pay has heard.
func (r *runner) closeOrder() error {
	if len(r.backend.Close) == 0 {
		return fmt.Errorf("%w: the backend's file does not say how to close an order", errNotPlayed)
	}
	for _, q := range r.backend.Close {
		if _, err := r.send(q); err != nil {
			return fmt.Errorf("close the order: %w", err)
		}
	}
	return r.patiently(func() error {
		if o, err := r.atWeChat(); err != nil || o.State != "CLOSED" {
			return errors.Join(errors.New("the order is not closed at WeChat Pay"), err)
		}
		return nil
	})
}

// refund is a clerk at pay.weixin.qq.com, so that any backend can be tried, whether it refunds by itself or not. A minute later the money is
// back; where the merchant has entered an address, the message about it has been there once before the next step.
func (r *runner) refund(amount int64) error {
	if err := r.sim.do(http.MethodPost, "/orders/"+url.PathEscape(r.number)+"/refund", map[string]int64{"amount": amount}, nil); err != nil {
		return fmt.Errorf("refund: %w", err)
	}
	if err := r.sim.do(http.MethodPost, "/clock", map[string]string{"advance": "1m"}, nil); err != nil {
		return err
	}
	if r.backend.RefundURL == "" {
		return nil
	}
	return r.patiently(r.refundTold)
}

// refundTold tells whether a message about a refund of the order has been delivered, well or not.
func (r *runner) refundTold() error {
	var notes []struct {
		Number   string `json:"out_trade_no"`
		Event    string `json:"event_type"`
		Attempts []any  `json:"attempts"`
	}
	if err := r.sim.do(http.MethodGet, "/notifications?limit=50", nil, &notes); err != nil {
		return err
	}
	for _, n := range notes {
		if n.Number == r.number && strings.HasPrefix(n.Event, "REFUND.") && len(n.Attempts) > 0 {
			return nil
		}
	}
	return errors.New("the refund's message does not go out")
}

// tradeAtWeChat is what the simulator knows of the order.
type tradeAtWeChat struct {
	Number   string `json:"out_trade_no"`
	State    string `json:"trade_state"`
	Total    int64  `json:"total"`
	Refunded int64  `json:"refunded"`
}

func (r *runner) atWeChat() (tradeAtWeChat, error) {
	var orders []tradeAtWeChat
	if err := r.sim.do(http.MethodGet, "/orders?limit=50", nil, &orders); err != nil {
		return tradeAtWeChat{}, err
	}
	for _, o := range orders {
		if o.Number == r.number {
			return o, nil
		}
	}
	return tradeAtWeChat{}, errors.New("WeChat Pay does not know the order")
}

// givenBack tells whether WeChat Pay has given back all that was paid for an order that the backend does not call paid.
func (r *runner) givenBack() error {
	o, err := r.atWeChat()
	if err == nil && o.Refunded < o.Total {
		err = fmt.Errorf("the order is not paid, and %d of its %d fen were given back", o.Refunded, o.Total)
	}
	return err
}

// patiently asks until it is so, or until the patience of the run is over.
func (r *runner) patiently(look func() error) error {
	for deadline := time.Now().Add(r.patience); ; time.Sleep(50 * time.Millisecond) {
		if err := look(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
