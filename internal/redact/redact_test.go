package redact

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/tools/types"
)

// TestDurationInLogs: a duration is written as nanoseconds, by a type that every version of encoding/json can write. The second one refuses
// a bare time.Duration, and then the whole row is lost: every failed call to WeChat has one.
func TestDurationInLogs(t *testing.T) {
	t.Parallel()
	data := Map(types.JSONMap[any]{"took": 1500 * time.Millisecond, "group": map[string]any{"took": time.Second}, "list": []time.Duration{1}})
	if _, is := data["took"].(time.Duration); is {
		t.Error("a duration is passed on as it is")
	}
	got, err := json.Marshal(data)
	if want := `{"group":{"took":1000000000},"list":[1],"took":1500000000}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
