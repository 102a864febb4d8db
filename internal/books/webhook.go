package books

// Calls about alerts: every new alert is posted once to the address in WXBASE_ALERT_WEBHOOK. An alert queues its call
// in its own transaction, and the outbox makes it afterwards and repeats it until it succeeds.

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/redact"
)

const (
	webhookTimeout = 5 * time.Second
	webhookLife    = 24 * time.Hour // after which the call is dropped; the alert itself stays
	webhookAnswer  = 4 << 10        // bytes of an answer to read
)

// Shapes of the call: a plain one, and the text messages of group chat robots.
const (
	shapeJSON     = "json"
	shapeWeCom    = "wecom"    // 企业微信 https://developer.work.weixin.qq.com/document/path/91770
	shapeDingTalk = "dingtalk" // 钉钉 https://open.dingtalk.com/document/robots/custom-robot-access
	shapeFeishu   = "feishu"   // 飞书 https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
)

// Webhook posts alerts. A nil Webhook does nothing.
//
// NB! a robot's address is a secret: its holder can write into the group. Errors never contain it.
type Webhook struct {
	address string
	shape   string
	client  *http.Client
}

// NewWebhook reads the settings; it is nil without an address.
func NewWebhook(address, shape string) (*Webhook, error) {
	if address == "" {
		return nil, nil //nolint:nilnil // a missing webhook is not an error
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopbackHost(u.Hostname())) {
		return nil, errors.New("WXBASE_ALERT_WEBHOOK must be an https address, or an http one of this machine")
	}
	shape = cmp.Or(shape, shapeOf(u.Hostname()))
	if !slices.Contains([]string{shapeJSON, shapeWeCom, shapeDingTalk, shapeFeishu}, shape) {
		return nil, errors.New("WXBASE_ALERT_WEBHOOK_FORMAT must be json, wecom, dingtalk or feishu")
	}
	dialer := &net.Dialer{Timeout: webhookTimeout, Control: refuseOdd(u.Scheme == "http")}
	return &Webhook{address: address, shape: shape, client: &http.Client{
		Timeout:       webhookTimeout,
		Transport:     &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: webhookTimeout, MaxIdleConns: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // do not follow to another address
	}}, nil
}

func isLoopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func shapeOf(host string) string {
	switch host {
	case "qyapi.weixin.qq.com":
		return shapeWeCom
	case "oapi.dingtalk.com":
		return shapeDingTalk
	case "open.feishu.cn", "open.larksuite.com":
		return shapeFeishu
	default:
		return shapeJSON
	}
}

// refuseOdd checks the address to which a name resolves: link-local ones hold the machine's credentials at many
// hosters, and plain http must stay on this machine.
func refuseOdd(onlyHere bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return errors.New("the webhook's address is not understood")
		}
		ip := at.Addr().Unmap()
		if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || onlyHere && !ip.IsLoopback() {
			return errors.New("the webhook's name leads to an address that is not called")
		}
		return nil
	}
}

// call makes one try.
func (w *Webhook) call(ctx context.Context, kind AlertKind, subject string, body map[string]any) error {
	raw, err := json.Marshal(w.format(kind, subject, body))
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(raw))
	if err != nil {
		return errors.New("call the webhook: the address is not understood")
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	answer, err := w.client.Do(request)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // note: the outer error prints the address
		}
		return fmt.Errorf("call the webhook: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	return readWebhookAnswer(answer)
}

// readWebhookAnswer fails for a refusal, which robots report with status 200 and a number in the body.
func readWebhookAnswer(answer *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(answer.Body, webhookAnswer))
	if err != nil {
		return fmt.Errorf("read the webhook's answer: %w", err)
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the webhook answered %d", answer.StatusCode)
	}
	var said struct {
		Errcode int `json:"errcode"`
		Code    int `json:"code"`
	}
	if json.Unmarshal(text, &said) == nil && cmp.Or(said.Errcode, said.Code) != 0 {
		return fmt.Errorf("the webhook refused with %d", cmp.Or(said.Errcode, said.Code))
	}
	return nil
}

// format is the body of a call. The plain one has everything; robots get a few lines.
func (w *Webhook) format(kind AlertKind, subject string, body map[string]any) any {
	if w.shape == shapeJSON {
		return body
	}
	lines := []string{fmt.Sprintf("wxbase: %s, %s", kind, subject)}
	if details, err := json.Marshal(body["details"]); err == nil && len(details) > 2 {
		lines = append(lines, Clip(string(details), 1_500))
	}
	if server, _ := body["server"].(string); server != "" {
		lines = append(lines, server+"/_/")
	}
	text := strings.Join(lines, "\n")
	if w.shape == shapeFeishu {
		return map[string]any{"msg_type": "text", "content": map[string]any{"text": text}}
	}
	return map[string]any{"msgtype": "text", "text": map[string]any{"content": text}}
}

// queueWebhook queues the call of a new alert, except for the alert about a failing webhook.
func (a *alerts) queueWebhook(tx core.App, kind AlertKind, subject, id string) error {
	if a.webhook == nil || kind == AlertEffect && subject == effectWebhook {
		return nil
	}
	return QueueEffect(tx, effectWebhook, id, map[string]any{"alert": id})
}

// tellWebhook makes one try for a row of the outbox.
func (a *alerts) tellWebhook(ctx context.Context, row *core.Record) error {
	if a.webhook == nil {
		return nil
	}
	var about struct {
		Alert string `json:"alert"`
	}
	if err := row.UnmarshalJSONField("payload", &about); err != nil {
		return Final(fmt.Errorf("read payload: %w", err))
	}
	if a.now().Sub(row.GetDateTime("created").Time()) > webhookLife {
		return Final(errors.New("too late to call"))
	}
	alert, err := a.app.FindRecordById("wx_alerts", about.Alert)
	if err != nil {
		return fmt.Errorf("read alert: %w", err)
	}
	v := viewAlert(alert)
	return a.webhook.call(ctx, AlertKind(v.Kind), v.Subject, map[string]any{
		"kind": v.Kind, "subject": v.Subject, "since": v.Since, "seen": v.Seen, "details": v.Details, "id": v.ID, "server": a.address(),
	})
}

// tellUnkept calls about something that cannot be stored, a few times, without waiting.
func (w *Webhook) tellUnkept(kind AlertKind, subject, reason string) {
	if w == nil {
		return
	}
	go func() {
		for range 3 {
			err := w.call(context.Background(), kind, subject, map[string]any{
				"kind": string(kind), "subject": subject, "since": time.Now().UTC(), "details": map[string]any{"error": redact.Text(reason)},
			})
			if err == nil {
				return
			}
			time.Sleep(webhookTimeout)
		}
	}()
}

// alertForWebhook raises one alert for an unreachable webhook, after some tries.
func (a *alerts) alertForWebhook(row *core.Record, outcome error) error {
	switch {
	case outcome == nil:
		return a.Settle(a.app, AlertEffect, effectWebhook, "the webhook was taken")
	case row.GetInt("attempts") >= effectAlerts:
		return a.AlertTogether(row)
	default:
		return nil // its row has the error
	}
}

// TellUnkept calls about something that cannot be stored, a few times, without waiting.
func (a *alerts) TellUnkept(kind AlertKind, subject, reason string) {
	a.webhook.tellUnkept(kind, subject, reason)
}
