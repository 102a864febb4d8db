package wxpay

import (
	"context"
	"net/http"
	"time"
)

// ComplaintDesk is what a gateway needs to work with complaints (消费者投诉2.0). API v2 has no such calls, so only [V3] has them; a merchant whose
// orders go over v2 is served by its keys of v3.
//
// A call whose outcome is unknown is not repeated here: the complaint itself tells what has happened.
type ComplaintDesk interface {
	// Complaints lists a page of what was complained of on the days in Beijing from begin to end, at most 30 days apart. total is of all pages.
	Complaints(ctx context.Context, begin, end time.Time, offset int) (page []Complaint, total int, err error)

	// Complaint asks for one complaint. KindParam: there is none.
	Complaint(ctx context.Context, id string) (Complaint, error)

	// ComplaintSteps is what happened to it so far, as WeChat orders it.
	ComplaintSteps(ctx context.Context, id string) ([]ComplaintStep, error)

	// ReplyComplaint says something to the payer; pictures are ids of UploadPicture.
	ReplyComplaint(ctx context.Context, id, text string, pictures []string) error

	// CompleteComplaint says that the complaint is dealt with. Only the payer can go on from there.
	CompleteComplaint(ctx context.Context, id string) error

	// DecideComplaint promises or refuses the refund that was asked for. NB! No money moves: the refund is a call of its own.
	DecideComplaint(ctx context.Context, id string, d ComplaintDecision) error

	// UploadPicture gives a picture to WeChat, JPEG, PNG or BMP of at most 2 MiB.
	UploadPicture(ctx context.Context, name string, picture []byte) (id string, err error)

	// Picture fetches a picture of a complaint. NB! What was uploaded by UploadPicture is not given back.
	Picture(ctx context.Context, id string) ([]byte, error)

	// ComplaintAddress tells where WeChat sends notifications, empty for nowhere. SetComplaintAddress sets or changes it.
	ComplaintAddress(ctx context.Context) (string, error)
	SetComplaintAddress(ctx context.Context, address string) error

	// ParseComplaintNotification verifies and opens what WeChat posted to that address. It says which complaint it is, and nothing that may be
	// believed about it: ask for the complaint.
	ParseComplaintNotification(header http.Header, body []byte) (ComplaintNotification, error)

	// OpenPhone opens the payer's phone number.
	OpenPhone(sealed string) (string, error)
}

// Limits of WeChat's on complaints.
const (
	MaxReplyRunes       = 200
	MaxReplyPictures    = 4
	MaxPictureBytes     = 2 << 20
	MaxComplaintDays    = 30 // between the two days of a list
	ComplaintPage       = 50
	maxRefundPromise    = 30 // days
	complaintStepsPage  = 100
	mostComplaintSteps  = 1_000
	maxComplaintIDBytes = 64
)

// States of a complaint.
const (
	ComplaintPending    = "PENDING"
	ComplaintProcessing = "PROCESSING"
	ComplaintProcessed  = "PROCESSED"
)

// ComplaintRefund is the problem_type of a complaint that asks for a refund, and so for a decision.
const ComplaintRefund = "REFUND"

// Complaint is what a payer says of an order.
type Complaint struct {
	ID           string
	MchID        string
	At           time.Time
	State        string // one of the Complaint constants; others may come
	Detail       string
	Problem      string // problem_type: REFUND, SERVICE_NOT_WORK, OTHERS
	Description  string
	ApplyRefund  Fen
	Orders       []ComplaintOrder
	Pictures     []string // ids for Picture
	SealedPhone  string   // for OpenPhone; never log it
	OpenID       string   // of the detail only
	FullRefunded bool
	UserWaits    bool // for an answer
	Times        int  // how often the payer has complained
	Tags         []string
	InPlatform   bool // WeChat's own people look at it
	Immediate    bool // wants an answer at once
}

// ComplaintOrder is one payment that a complaint is about.
type ComplaintOrder struct {
	TransactionID string
	OutTradeNo    string
	Amount        Fen
}

// ComplaintStep is one line of a complaint's history.
type ComplaintStep struct {
	ID       string
	By       string // WeChat's word for who
	At       time.Time
	What     string // operate_type
	Said     string
	Pictures []string
}

// ComplaintDecision is the answer to the wish for a refund.
type ComplaintDecision struct {
	Approve  bool
	Days     int      // until the refund is made, of a promise
	Reason   string   // of a refusal
	Pictures []string // of a refusal
	Remark   string
}

// ComplaintNotification says that something happened to a complaint.
type ComplaintNotification struct {
	ID          string // of the notification
	EventType   string // COMPLAINT.CREATE or COMPLAINT.STATE_CHANGE
	CreateTime  time.Time
	ComplaintID string
	Action      string
}
