package hooks

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"wxbase/internal/wechat"
)

// How long, and for how many codes, a login is remembered for a client that did not get the answer.
const (
	codeLife = 5 * time.Minute // the life of a code at WeChat
	codeKept = 20_000
)

// logins makes the one use of a code idempotent: who sends the same code again within five minutes, from the same address, gets the
// first result, and WeChat is asked once, however many ask at the same time. From anywhere else a used code is a used code.
type logins struct {
	locks keyedLocks // one login at a time per key

	once sync.Once
	past *expirable.LRU[string, pastLogin]
}

// pastLogin is what a code was traded for.
type pastLogin struct {
	session wechat.Session
	at      time.Time
	user    string // empty until a login with this session has passed its checks
	isNew   bool
}

func loginKey(appID, address, code string) string {
	return digest([]byte(appID + "\n" + address + "\n" + code))
}

// recall finds what the code was traded for. A failed trade is not kept: the code may be good.
func (l *logins) recall(key string, now time.Time) (pastLogin, bool) {
	past, ok := l.memory().Get(key)
	return past, ok && now.Sub(past.at) < codeLife
}

// keep forgets the oldest when there are too many: that costs a client one more wx.login.
func (l *logins) keep(key string, past pastLogin) { l.memory().Add(key, past) }

func (l *logins) memory() *expirable.LRU[string, pastLogin] {
	l.once.Do(func() { l.past = expirable.NewLRU[string, pastLogin](codeKept, nil, codeLife) })
	return l.past
}
