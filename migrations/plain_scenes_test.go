package migrations_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// table is rows of a table as text, in order.
func table(t *testing.T, app core.App, query string) string {
	t.Helper()
	var rows []dbx.NullStringMap
	if err := app.DB().NewQuery(query).All(&rows); err != nil {
		t.Fatal(err)
	}
	lines := make([]string, 0, len(rows))
	for _, r := range rows {
		columns := []string{}
		for name, value := range r {
			columns = append(columns, name+"="+value.String)
		}
		slices.Sort(columns)
		lines = append(lines, strings.Join(columns, " "))
	}
	return strings.Join(lines, "\n")
}

// TestPlainScenesWithRows: codes of the version before lose their owner, and get them back on the way down; of two codes with one scene,
// which the version before cannot hold, none is lost.
func TestPlainScenesWithRows(t *testing.T) {
	t.Parallel()
	prior, up, down := before(t, "1764300810")
	for _, row := range []struct{ id, user, scene, payload, kind string }{
		{"plain1", "ann", "id=7", "null", "unlimited"},
		{"plain2", "bob", "id=8", "", "unlimited"}, // NULL
		{"plain3", "", "id=9", "null", "unlimited"},
		{"packed", "ann", "~id:7", `{"id":7}`, "unlimited"},
		{"number", "ann", "t0000000000000000000001", "0", "unlimited"},
		{"false", "ann", "t0000000000000000000002", "false", "unlimited"},
		{"path", "ann", "", "null", "code"},
	} {
		var payload any = row.payload
		if row.payload == "" {
			payload = nil
		}
		insert(t, prior, "wx_codes", dbx.Params{
			"id": row.id, "user": row.user, "scene": row.scene, "kind": row.kind, "payload": payload, "key": "key of " + row.id,
			"options": `{"kind":"unlimited","width":300}`, "created": "2026-01-01 00:00:00.000Z",
		})
		insert(t, prior, "wx_scans", dbx.Params{"id": "scan" + row.id, "code": row.id, "day": "2026-01-01", "inviter": row.user, "count": 3})
	}
	const old = "SELECT c.id, c.user, c.scene, c.kind, c.payload, c.key, c.options, s.inviter FROM wx_codes c JOIN wx_scans s ON s.code = c.id ORDER BY c.id"
	was, shape := table(t, prior, old), portrait(t, prior)
	now := up(prior)
	owners := table(t, now, "SELECT c.id, c.user, c.maker, s.inviter FROM wx_codes c JOIN wx_scans s ON s.code = c.id ORDER BY c.id")
	wantSame(t, "up", owners, strings.Join([]string{
		"id=false inviter=ann maker=ann user=ann",
		"id=number inviter=ann maker=ann user=ann",
		"id=packed inviter=ann maker=ann user=ann",
		"id=path inviter=ann maker=ann user=ann",
		"id=plain1 inviter= maker=ann user=",
		"id=plain2 inviter= maker=bob user=",
		"id=plain3 inviter= maker= user=",
	}, "\n"))
	insert(t, now, "wx_codes", dbx.Params{
		"id": "second", "scene": "id=7", "kind": "unlimited", "payload": "null", "key": "of the second", "options": `{"kind":"unlimited"}`,
		"created": "2026-02-01 00:00:00.000Z",
	})
	for _, taken := range []string{"~id:7", "t0000000000000000000001"} {
		_, err := now.NonconcurrentDB().Insert("wx_codes", dbx.Params{"id": "x", "scene": taken, "payload": "1", "key": "x", "kind": "unlimited"}).Execute()
		if err == nil {
			t.Errorf("a second code with a payload under %s: got no error", taken)
		}
	}
	upAgain := table(t, now, "SELECT * FROM wx_codes ORDER BY id")
	back := down(now)
	wantSame(t, "down", table(t, back, strings.Replace(old, "ORDER", "WHERE c.id != 'second' ORDER", 1)), was)
	wantSame(t, "the shape, down", portrait(t, back), shape)
	if got := table(t, back, "SELECT scene FROM wx_codes WHERE id = 'second'"); got != "scene=" {
		t.Errorf("the second code of a scene, in the version before: got %s, want it set aside", got)
	}
	wantSame(t, "up again", table(t, up(back), "SELECT * FROM wx_codes ORDER BY id"), upAgain)
}

func insert(t *testing.T, app core.App, name string, row dbx.Params) {
	t.Helper()
	if _, err := app.NonconcurrentDB().Insert(name, row).Execute(); err != nil {
		t.Fatal(fmt.Errorf("insert %v: %w", row, err))
	}
}
