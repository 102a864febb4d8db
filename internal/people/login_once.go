package people

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"wxbase/internal/books"
	"wxbase/internal/locks"
	"wxbase/internal/wechat"
)

// How long, and for how many codes, the result of a one-time code is remembered for a client that did not get the answer.
const (
	CodeLife = 5 * time.Minute // the life of a code at WeChat
	CodeKept = 20_000
)

// OnceCodes makes the one use of a code idempotent: the same person who sends the same code again within five minutes
// gets the first result, and WeChat is asked once, also by concurrent requests. For any other person a used code is a
// used code.
type OnceCodes[T any] struct {
	locks locks.Keyed // one use at a time per key

	once sync.Once
	past *expirable.LRU[string, usedCode[T]]
}

type usedCode[T any] struct {
	result T
	at     time.Time // of its first use
}

// PastLogin is what a code of wx.login was traded for.
type PastLogin struct {
	session wechat.Session
	User    string // empty until a login with this session has passed its checks
	isNew   bool
}

// pastPhone is what a code of the phone button was traded for.
type pastPhone struct {
	number wechat.Phone
	kept   bool // on the user; a repeat must not bring an old number back
}

// loginKey binds a code to the address that it came from: before the login there is nothing else.
func loginKey(appID, address, code string) string {
	return books.Digest([]byte(appID + "\n" + address + "\n" + code))
}

// phoneKey binds a code to the user who is signed in.
func phoneKey(appID, user, code string) string {
	return books.Digest([]byte("phone\n" + appID + "\n" + user + "\n" + code))
}

// Recall finds what the code was traded for. A failed trade is not kept: the code may be good.
func (o *OnceCodes[T]) Recall(key string, now time.Time) (T, bool) {
	past, ok := o.memory().Get(key)
	return past.result, ok && now.Sub(past.at) < CodeLife
}

// Keep forgets the oldest when there are too many: that costs a client one more code. What is kept again keeps its age.
func (o *OnceCodes[T]) Keep(key string, result T, now time.Time) {
	past, known := o.memory().Get(key)
	if !known || now.Sub(past.at) >= CodeLife {
		past.at = now
	}
	o.memory().Add(key, usedCode[T]{result, past.at})
}

func (o *OnceCodes[T]) memory() *expirable.LRU[string, usedCode[T]] {
	o.once.Do(func() { o.past = expirable.NewLRU[string, usedCode[T]](CodeKept, nil, CodeLife) })
	return o.past
}
