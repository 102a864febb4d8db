package answer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/answer"
)

// bodySample has a field of every kind that our routes have.
type bodySample struct {
	Amount int64  `json:"amount"`
	Text   string `json:"text"`
	All    bool   `json:"all"`
	Maybe  *bool  `json:"maybe"`
	Lines  []struct {
		Quantity int `json:"quantity"`
	} `json:"lines"`
	Words map[string]string `json:"words"`
}

func TestBodies(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, body    string
		lenient       string // code, or empty for accepted
		strict, field string
	}{
		{"an object", `{"amount":5,"text":"面","all":true}`, "", "", ""},
		{"with a byte order mark", "\xef\xbb\xbf" + `{"amount":5}`, "", "", ""},
		{"nothing", "", "", "", ""},
		{"blanks", " \n", "", "", ""},
		{"a form", "amount=5", "body_not_json", "body_not_json", ""},
		{"multipart", "--x\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n5\r\n--x--\r\n", "body_not_json", "body_not_json", ""},
		{"xml", "<xml><amount>5</amount></xml>", "body_not_json", "body_not_json", ""},
		{"null", "null", "body_not_json", "body_not_json", ""},
		{"a list", `[{"amount":5}]`, "body_not_json", "body_not_json", ""},
		{"a half", `{"amount":5`, "body_not_json", "body_not_json", ""},
		{"two", `{"amount":5}{"amount":6}`, "body_not_json", "body_not_json", ""},
		{"not UTF-8", "{\"text\":\"\xff\"}", "body_not_json", "body_not_json", ""},
		{"an unknown field", `{"amount":5,"refund":1}`, "", "field_unknown", "refund"},
		{"another spelling", `{"amount":5,"AMOUNT":6}`, "", "field_unknown", "AMOUNT"},
		{"an unknown field inside", `{"amount":5,"lines":[{"quantity":1},{"qty":2}]}`, "", "field_unknown", "lines[1].qty"},
		{"a field twice", `{"amount":5,"amount":6}`, "field_repeated", "field_repeated", "amount"},
		{"a word twice", `{"amount":5,"words":{"a":"b","a":"c"}}`, "field_repeated", "field_repeated", "words.a"},
		{"a number as text", `{"amount":"5"}`, "", "field_invalid", "amount"},
		{"a number with blanks as text", `{"amount":" 5"}`, "field_invalid", "field_invalid", "amount"},
		{"a fraction", `{"amount":5.5}`, "field_invalid", "field_invalid", "amount"},
		{"an exponent", `{"amount":5e2}`, "field_invalid", "field_invalid", "amount"},
		{"more than fits", `{"amount":99999999999999999999}`, "field_invalid", "field_invalid", "amount"},
		{"null for a number", `{"text":"a","amount":null}`, "", "field_invalid", "amount"},
		{"null for a pointer", `{"amount":5,"maybe":null}`, "", "field_invalid", "maybe"},
		{"yes as text", `{"all":"true"}`, "field_invalid", "field_invalid", "all"},
		{"yes as a number", `{"all":1}`, "field_invalid", "field_invalid", "all"},
		{"text as a number", `{"text":1}`, "field_invalid", "field_invalid", "text"},
		{"an object for a list", `{"lines":{"quantity":1}}`, "field_invalid", "field_invalid", "lines"},
		{"a fraction inside", `{"lines":[{"quantity":1.5}]}`, "field_invalid", "field_invalid", "lines[0].quantity"},
	}
	types := []string{"", "application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "nonsense"}
	for _, s := range scenarios {
		for _, kind := range types {
			wantBody(t, s.name+" as "+kind, answer.ReadBody, s.body, kind, s.lenient, s.field)
			wantBody(t, s.name+" as "+kind+", strict", answer.ReadStrict, s.body, kind, s.strict, s.field)
		}
	}
}

func wantBody(t *testing.T, name string, read func(*core.RequestEvent, any) error, body, kind, code, field string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("Content-Type", kind)
	e := &core.RequestEvent{}
	e.Request = req
	req.Body = &router.RereadableReadCloser{ReadCloser: req.Body}
	var into bodySample
	err := read(e, &into)
	if code == "" {
		if wanted := strings.Contains(body, "5"); err != nil || wanted != (into.Amount == 5) {
			t.Errorf("%s: got %d, %v, want it read", name, into.Amount, err)
		}
		if _, err := e.RequestInfo(); err != nil {
			t.Errorf("%s: a rule that reads the body after us: %v", name, err)
		}
		return
	}
	answer, ok := errors.AsType[*router.ApiError](err)
	if !ok || answer.Status != http.StatusBadRequest || answer.Data["code"] != code {
		t.Fatalf("%s: got %v, want %s", name, err, code)
	}
	if field != "" && answer.Data["field"] != field {
		t.Errorf("%s: got the field %v, want %s", name, answer.Data["field"], field)
	}
}
