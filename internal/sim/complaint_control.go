package sim

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// complainRequest is the body of POST /_sim/people/{id}/complain: the person goes to the payment in WeChat and complains.
type complainRequest struct {
	OutTradeNo string   `json:"out_trade_no"` // which order; the newest that the person paid by default
	Detail     string   `json:"detail"`
	Problem    string   `json:"problem"`  // REFUND by default
	Refund     int64    `json:"refund"`   // fen; all that is left by default
	Pictures   []string `json:"pictures"` // base64
	Platform   bool     `json:"platform"` // complains in the mini program, to the platform
}

// deviceComplain is the owner of a phone complaining.
func (s *Sim) deviceComplain(c *echo.Context) error {
	var in complainRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	return s.complainBy(c, c.Param("id"), in)
}

// complainBy checks what a person says, and answers with the complaint.
func (s *Sim) complainBy(c *echo.Context, person string, in complainRequest) error {
	wish := complaintWish{detail: in.Detail, problem: or(in.Problem, problemRefund), refund: in.Refund}
	if !oneOf(problemRefund, "SERVICE_NOT_WORK", "OTHERS")(wish.problem) {
		return badInput("problem must be REFUND, SERVICE_NOT_WORK or OTHERS")
	}
	for _, text := range in.Pictures {
		picture, err := base64.StdEncoding.DecodeString(text[strings.Index(text, ",")+1:])
		if err != nil || !goodPicture(picture) {
			return badInput("pictures must be base64 of JPEG, PNG or BMP")
		}
		wish.pictures = append(wish.pictures, picture)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if person != "" && s.state.people[person] == nil {
		return notThere("no person has this id")
	}
	o := s.newestOrder(triggerRequest{Person: person, OutTradeNo: in.OutTradeNo}, (*order).paid)
	switch {
	case o == nil:
		return conflict("there is no paid order to complain of")
	case wish.refund < 0 || wish.refund > o.Total:
		return badInput("refund must be fen of the order, or left out for all that is left")
	}
	var row any
	var err error
	if person = or(person, s.ownerOf(o)); in.Platform {
		row, err = s.complainToPlatform(o, person, in.Detail)
	} else {
		row, err = s.complain(o, person, wish)
	}
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(row))
}

// listAllComplaints gives the complaints, the latest first: those at WeChat Pay, or with ?platform=1 those to the platform.
func (s *Sim) listAllComplaints(c *echo.Context) error {
	if c.QueryParam("platform") != "" {
		return answerPage(s, c, func(st *state) *book.Shelf[tradeComplaint] { return &st.tradeShelf }, "", func(*tradeComplaint) error { return nil })
	}
	return answerPage(s, c, func(st *state) *book.Shelf[complaint] { return &st.complaintShelf }, "", func(*complaint) error { return nil })
}

// moveComplaint is POST /_sim/complaints/{id} {action: message, again or revoke, said?}: the payer says more, is not content with the end, or takes
// it back; of a trade complaint {status, said?}: WeChat moves it.
func (s *Sim) moveComplaint(c *echo.Context) error {
	var in struct {
		Action string `json:"action"`
		Said   string `json:"said"`
		Status int    `json:"status"`
	}
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.state.tradeComplaints[c.Param("id")]; one != nil {
		if in.Status < 100 || in.Status > 999 {
			return badInput("status must be a number such as 201, 206 or 312")
		}
		err := s.moveTrade(one, true, func(next *tradeComplaint) { next.reach(in.Status, or(in.Said, strconv.Itoa(in.Status)), s.Now()) })
		if err != nil {
			return err
		}
		return c.JSONBlob(http.StatusOK, encode(one))
	}
	one, err := s.complaintOf(c.Param("id"))
	if err != nil {
		return err
	}
	action, change := payersAction(in.Action, in.Said, s.Now())
	if change == nil {
		return badInput("action must be message, again or revoke")
	}
	if in.Action == "again" && one.State != complaintProcessed {
		return conflict("only a complaint that the merchant has ended goes on again")
	}
	if err := s.move(one, action, change); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(one))
}

// payersAction is what the payer does, with the word by which the merchant is told.
func payersAction(action, said string, now time.Time) (told string, change func(*complaint)) {
	switch action {
	case "message":
		return "USER_RESPONSE", func(c *complaint) {
			c.UserWaits = true
			c.add(doneUserResponse, byUser, or(said, "请问什么时候处理？"), now)
		}
	case "again":
		return "CONTINUE_COMPLAINT", func(c *complaint) {
			c.State, c.UserWaits, c.Times = complaintPending, true, c.Times+1
			c.add(doneContinue, byUser, or(said, "问题没有解决"), now)
		}
	case "revoke":
		return "USER_REVOKE", func(c *complaint) {
			c.State, c.UserWaits = complaintProcessed, false
			c.add(doneRevoke, byUser, said, now)
		}
	}
	return "", nil
}

// complaintTriggers are what can be triggered of complaints.
func complaintTriggers() []string {
	return []string{"create", "message", "again", "revoke", "platform"}
}

// triggerComplaint makes a complaint about the newest paid order, or lets the payer of the newest complaint do something.
func (s *Sim) triggerComplaint(c *echo.Context, in triggerRequest, what string) error {
	if what == "create" || what == "platform" {
		return s.complainBy(c, in.Person, complainRequest{OutTradeNo: in.OutTradeNo, Platform: what == "platform"})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	action, change := payersAction(what, "", s.Now())
	for _, one := range slices.Backward(s.state.complaintShelf.Rows) {
		if in.OutTradeNo != "" && one.OutTradeNo != in.OutTradeNo || what == "again" && one.State != complaintProcessed {
			continue
		}
		if err := s.move(one, action, change); err != nil {
			return err
		}
		return c.JSONBlob(http.StatusOK, encode(one))
	}
	return conflict("there is no complaint of which this could be true: see complaint.create")
}

// bindComplaints binds what is controlled of complaints.
func (s *Sim) bindComplaints(g *echo.Group) {
	g.GET("/complaints", s.listAllComplaints)
	g.POST("/complaints/:id", s.moveComplaint)
}
