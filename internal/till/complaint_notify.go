package till

import (
	"errors"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/wxpay"
)

// errNoComplaints is a notification about a complaint in words that no API has for it.
var errNoComplaints = errors.New("notifications of complaints are of API v3")

// Complaint handles POST /api/wx/notify/complaint/{merchant}. A notification names a complaint and says nothing about it, so that what it causes is a
// question; the same one once more is counted, and asks nothing.
func (n *Notices) Complaint(e *core.RequestEvent) error {
	mchID := e.Request.PathValue("merchant")
	body, err := readNotify(e)
	if err != nil {
		return n.refuse(e, answer.NotifyMalformed, err)
	}
	gateway, err := n.gateways.NotifyGateway(mchID, body)
	if err != nil {
		return n.refuse(e, answer.NotifyMerchant, err)
	}
	reader, ok := gateway.(wxpay.ComplaintDesk)
	if !ok {
		return n.refuse(e, answer.NotifyMalformed, errNoComplaints)
	}
	note, err := reader.ParseComplaintNotification(e.Request.Header, body)
	if err != nil {
		n.books.KeepRefused(e.App, "complaint", mchID, notifyHeaders(e), body, err)
		return n.refuse(e, problemOfNotify(err), err)
	}
	row := complaintInboxRow(e, mchID, note, body)
	seen := 0
	err = e.App.RunInTransaction(func(tx core.App) error {
		if seen, err = books.CountInbox(tx, row, books.InboxApplied, ""); err != nil || seen > 1 {
			return err
		}
		return n.Complained(tx, mchID, note, books.Digest([]byte(row["dedupeKey"].(string))))
	})
	if err != nil {
		return n.refuse(e, answer.NotifyProcessing, err)
	}
	n.metrics.Notified(e, map[bool]string{true: books.InboxRepeated, false: books.InboxApplied}[seen > 1])
	n.books.Wake()
	return acknowledge(e, body)
}

// complaintInboxRow is kept under what the notification says, and not under its bytes, which are encrypted anew each time.
func complaintInboxRow(e *core.RequestEvent, mchID string, note wxpay.ComplaintNotification, body []byte) map[string]any {
	said := strings.Join([]string{mchID, note.ComplaintID, note.EventType, note.Action, note.CreateTime.UTC().Format(time.RFC3339)}, "\n")
	return map[string]any{
		"kind": "complaint", "source": mchID, "dedupeKey": "complaint/" + books.Digest([]byte(said)), "headers": notifyHeaders(e), "body": string(body),
		"verified": true, "ref": note.ComplaintID,
	}
}
