package hooks_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
)

// listen subscribes a guest to a topic and gives what arrives there. It returns once the subscription stands.
func listen(t *testing.T, app *apptest.App, topic string) <-chan string {
	t.Helper()
	return listenAs(t, app, "", topic)
}

// listenAs is listen for somebody with a token, to several topics.
func listenAs(t *testing.T, app *apptest.App, token string, topics ...string) <-chan string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL+"/api/realtime", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := web.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	clientID, messages := make(chan string, 1), make(chan string, 100)
	go func() {
		var id, event string
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			switch name, value, _ := strings.Cut(lines.Text(), ":"); name {
			case "id":
				id = value
			case "event":
				event = value
			case "data":
				if event == "PB_CONNECT" {
					clientID <- id
				} else {
					messages <- value
				}
			}
		}
	}()
	app.Must(http.MethodPost, "/api/realtime", token, map[string]any{"clientId": receive(t, clientID), "subscriptions": topics})
	return messages
}
