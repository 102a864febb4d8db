package screening

import (
	"sync"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
)

// uploadSlots bounds how many images are taken in at a time: so many together, and one of a user.
type uploadSlots struct {
	mu    sync.Mutex
	users map[string]bool
}

func (s *uploadSlots) take(user string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users[user] || len(s.users) >= most {
		return false
	}
	if s.users == nil {
		s.users = map[string]bool{}
	}
	s.users[user] = true
	return true
}

func (s *uploadSlots) giveBack(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.users, user)
}

// OneImage is a middleware that takes a slot before the body is read.
func (s *Screening) OneImage(e *core.RequestEvent) error {
	if !s.slots.take(e.Auth.Id, s.Limits.ImagesAtOnce) {
		return answer.With(answer.CheckLimit, "per", "moment")
	}
	defer s.slots.giveBack(e.Auth.Id)
	return e.Next()
}
