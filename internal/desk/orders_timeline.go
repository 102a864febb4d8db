package desk

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

// event is one thing that happened to an order.
type event struct {
	At      string `json:"at"`
	Kind    string `json:"kind"`
	Title   string `json:"title"`
	From    string `json:"from"`
	To      string `json:"to"`
	By      string `json:"by"`
	Ref     string `json:"ref"`
	OK      bool   `json:"ok"`
	Details string `json:"details"`
}

// timeline is what happened, the oldest first. Titles are words of the books, which the pages translate.
func (b orderBooks) timeline() []event {
	all := make([]event, 0, 1+len(b.ledger)+len(b.inbox)+len(b.effects)+len(b.requests)+len(b.audit))
	all = append(all, event{At: moment(b.order.GetDateTime("created")), Kind: "created", Title: "created", To: "UNPAID", Ref: b.order.GetString("number"), OK: true})
	all = append(all, each(b.ledger, ledgerEvent)...)
	all = append(all, each(b.inbox, inboxEvent)...)
	all = append(all, each(b.effects, effectEvent)...)
	all = append(all, each(b.requests, requestEvent)...)
	all = append(all, each(b.audit, auditEvent)...)
	slices.SortStableFunc(all, func(a, b event) int { return strings.Compare(a.At, b.At) })
	return all
}

func ledgerEvent(r *core.Record) event {
	e := event{
		At: moment(r.GetDateTime("created")), Kind: "ledger", Title: "payment", From: r.GetString("from"), To: r.GetString("to"), By: r.GetString("source"),
		Ref: r.GetString("payment"), OK: true,
	}
	if refund := r.GetString("refund"); refund != "" {
		e.Kind, e.Title, e.Ref = "refund", "refund", refund
	}
	if payout := r.GetString("payout"); payout != "" {
		e.Kind, e.Title, e.Ref = "payout", "payout", payout
	}
	e.OK = !slices.Contains([]string{"DISPUTED", "REJECTED", "ABNORMAL", "FAILED"}, e.To)
	var proof struct {
		Mismatches []struct{ Field, Got, Want string } `json:"mismatches"`
		Decision   *struct{ Decision, By, Reason string }
		Refusal    *struct{ Code, Message string }
		By         string
	}
	if json.Unmarshal([]byte(r.GetString("evidence")), &proof) != nil {
		return e
	}
	if proof.By != "" {
		e.By = proof.By
	}
	var words []string
	for _, m := range proof.Mismatches {
		words = append(words, m.Field+": "+m.Got+" ≠ "+m.Want)
	}
	if proof.Decision != nil {
		e.By = proof.Decision.By
		words = append(words, proof.Decision.Decision+": "+proof.Decision.Reason)
	}
	if proof.Refusal != nil {
		words = append(words, proof.Refusal.Code+" "+proof.Refusal.Message)
	}
	e.Details = strings.Join(words, "; ")
	return e
}

func inboxEvent(r *core.Record) event {
	state := r.GetString("state")
	return event{
		At: moment(r.GetDateTime("created")), Kind: "notification", Title: r.GetString("kind"), To: state, By: r.GetString("source"), Ref: r.GetString("ref"),
		OK: state == "APPLIED" || state == "REPEATED", Details: r.GetString("error"),
	}
}

func effectEvent(r *core.Record) event {
	e := event{
		At: moment(r.GetDateTime("created")), Kind: "effect", Title: r.GetString("effect"), Ref: r.Id, OK: !hasFailed(r), Details: r.GetString("error"),
		To: "waiting",
	}
	if done := r.GetDateTime("doneAt"); !done.IsZero() {
		e.At, e.To = moment(done), "done"
	}
	if hasFailed(r) {
		e.To = "failed"
	}
	switch e.Title {
	case "shipping.upload":
		e.Kind = "shipping"
	case "message.send":
		e.Kind = "message"
	}
	return e
}

func requestEvent(r *core.Record) event {
	e := event{
		At: moment(r.GetDateTime("created")), Kind: "refund", Title: "second_person", To: r.GetString("state"), By: r.GetString("requestedBy"), Ref: r.Id, OK: true,
		Details: yuan(int64(r.GetInt("amount"))) + " " + r.GetString("reason"),
	}
	if by := r.GetString("decidedBy"); by != "" {
		e.At, e.By = moment(r.GetDateTime("decidedAt")), by
	}
	e.OK = e.To != requestRefused
	return e
}

func auditEvent(r *core.Record) event {
	e := event{
		At: moment(r.GetDateTime("at")), Kind: "audit", Title: r.GetString("action"), By: r.GetString("actor"), Ref: r.Id, OK: r.GetInt("status") < 400,
	}
	if e.Title == "order.remark" {
		e.Kind = "remark"
	}
	return e
}
