package books

import (
	"strings"
	"testing"
)

// TestWebhookDoesNotReachTheHoster: a name that resolves to a link-local address, where many hosters keep credentials,
// is not called; plain http stays on this machine, whatever its name resolves to.
func TestWebhookDoesNotReachTheHoster(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		address  string
		onlyHere bool
		refused  bool
	}{
		{"169.254.169.254:443", false, true},
		{"[fe80::1]:443", false, true},
		{"[::ffff:169.254.169.254]:443", false, true},
		{"0.0.0.0:443", false, true},
		{"224.0.0.1:443", false, true},
		{"203.0.113.7:443", false, false},
		{"10.0.0.7:443", false, false},
		{"10.0.0.7:80", true, true},
		{"127.0.0.1:80", true, false},
		{"[::1]:80", true, false},
	}
	for _, s := range scenarios {
		err := refuseOdd(s.onlyHere)("tcp", s.address, nil)
		if (err != nil) != s.refused || err != nil && strings.Contains(err.Error(), s.address) {
			t.Errorf("%s, only here %t: got %v, want refused %t", s.address, s.onlyHere, err, s.refused)
		}
	}
}
