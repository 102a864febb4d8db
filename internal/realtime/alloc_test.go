package realtime_test

import (
	"fmt"
	"testing"

	"wxbase/internal/realtime"
)

// TestAWalkAllocatesNothingPerMember: a publish to 5,000 allocates as often as one to a single member.
func TestAWalkAllocatesNothingPerMember(t *testing.T) { //nolint:paralleltest // it counts allocations
	h := realtime.New(realtime.Config{Rooms: rooms})
	for i := range 5_000 {
		join(t, h, "many", &sink{who: realtime.Identity{User: fmt.Sprint("u", i)}}, -1)
	}
	join(t, h, "one", &sink{who: realtime.Identity{User: "u"}}, -1)
	cost := func(name string) float64 {
		m := message(name, "x")
		return testing.AllocsPerRun(50, func() {
			if _, _, err := h.Publish(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		})
	}
	if one, many := cost("one"), cost("many"); many > one+1 {
		t.Errorf("got %.0f allocations for 5,000 members and %.0f for one, want the same", many, one)
	}
}
