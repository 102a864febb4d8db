package hooks_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
)

// TestBodyOfPocketBasesRoutes: records are created and changed by what the body is, whatever it is called; and what is not understood makes
// nothing.
func TestBodyOfPocketBasesRoutes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	notes := core.NewBaseCollection("notes")
	open := ""
	notes.CreateRule, notes.UpdateRule, notes.ViewRule = &open, &open, &open
	notes.Fields.Add(&core.TextField{Name: "text", Required: true}, &core.NumberField{Name: "number"})
	if err := app.Save(notes); err != nil {
		t.Fatal(err)
	}
	app.Settings().Batch.Enabled, app.Settings().Batch.MaxRequests = true, 5
	path := "/api/collections/notes/records"
	kinds := []string{"application/json", "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml"}
	for _, kind := range kinds {
		step(t, "JSON as "+kind, func(t *testing.T) {
			made := app.CallAs(http.MethodPost, path, person.Token, kind, `{"text":"a","number":7}`)
			if made.Status != http.StatusOK || made.Text("text") != "a" || made.JSON["number"] != 7.0 {
				t.Fatalf("create: got %d %s, want it made", made.Status, made.Body)
			}
			one := path + "/" + made.Text("id")
			if got := app.CallAs(http.MethodPatch, one, person.Token, kind, " \n{\"text\":\"b\"}"); got.Status != http.StatusOK || got.Text("text") != "b" || got.JSON["number"] != 7.0 {
				t.Errorf("change: got %d %s, want the text alone changed", got.Status, got.Body)
			}
			batch := `{"requests":[{"method":"PATCH","url":"` + one + `","body":{"text":"c"}}]}`
			if got := app.CallAs(http.MethodPost, "/api/batch", person.Token, kind, batch); got.Status != http.StatusOK {
				t.Errorf("batch: got %d %s, want it done", got.Status, got.Body)
			}
		})
	}
	before := count(t, app, "notes", nil)
	for kind, body := range map[string]string{"text/plain": "text=a", "": "text=a", "text/xml": "<text>a</text>", "application/octet-stream": "\x00\x01"} {
		if got := app.CallAs(http.MethodPost, path, person.Token, kind, body); got.Status != http.StatusBadRequest || got.Code() != "body_not_json" {
			t.Errorf("%s: got %d %s, want body_not_json", kind, got.Status, got.Body)
		}
	}
	long := strings.Repeat("长", 5_000)
	for kind, body := range map[string]string{
		"application/x-www-form-urlencoded": "number=8&text=" + long + "&zzz=1",
		"multipart/form-data; boundary=x": "--x\r\nContent-Disposition: form-data; name=\"number\"\r\n\r\n8\r\n" +
			"--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n" + long + "\r\n--x--\r\n",
	} {
		for _, text := range []string{long, "a"} {
			form := app.CallAs(http.MethodPost, path, person.Token, kind, strings.Replace(body, long, text, 1))
			if form.Status != http.StatusOK || form.Text("text") != text || form.JSON["number"] != 8.0 {
				t.Errorf("%s, which PocketBase takes: got %d %.200s", kind, form.Status, form.Body)
			}
		}
	}
	if got := app.CallAs(http.MethodPost, path, person.Token, "", ""); got.Status != http.StatusBadRequest {
		t.Errorf("nothing: got %d %s, want the missing field named", got.Status, got.Body)
	}
	if n := count(t, app, "notes", nil); n != before+4 {
		t.Errorf("rows: got %d, want %d", n, before+4)
	}
}
