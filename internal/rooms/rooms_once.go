package rooms

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/pocketbase/dbx"
	"golang.org/x/sync/singleflight"

	"wxbase/internal/realtime"
)

const (
	longestKey = 64 // bytes
	saidKept   = 20_000
	saidLife   = 10 * time.Minute
)

// said is the answer to a publish.
type said struct {
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at"`
	Received int       `json:"received"`
}

// onceSaid remembers what was said under a key, so that a phone whose answer was lost may ask again and is heard once. A room with history
// knows it from its rows too, after a restart.
type onceSaid struct {
	flight singleflight.Group
	past   *expirable.LRU[string, said]
}

func newOnceSaid() *onceSaid {
	return &onceSaid{past: expirable.NewLRU[string, said](saidKept, nil, saidLife)}
}

// sayOnce publishes m, which sender sends under key. An empty key does not count.
func (r *Rooms) sayOnce(ctx context.Context, m realtime.Message, sender, key string) (said, error) {
	if key == "" {
		return r.say(ctx, m)
	}
	room, err := r.roomBook.find(m.Room)
	if err != nil {
		return said{}, err
	}
	m.ID = messageID(room.Id, sender, key)
	answer, err, _ := r.once.flight.Do(m.ID, func() (any, error) { return r.sayKeyed(context.WithoutCancel(ctx), m) })
	if err != nil {
		return said{}, err
	}
	return answer.(said), nil //nolint:forcetypeassert // of the line above
}

// sayKeyed says what was not said before. It outlives the request: the next one shares its answer.
func (r *Rooms) sayKeyed(ctx context.Context, m realtime.Message) (said, error) {
	if answer, ok := r.once.past.Get(m.ID); ok {
		return answer, nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	if answer, ok, err := r.saidBefore(ctx, m.ID); err != nil || ok {
		return answer, err
	}
	answer, err := r.say(ctx, m)
	if err == nil {
		r.once.past.Add(m.ID, answer)
	}
	return answer, err
}

func (r *Rooms) say(ctx context.Context, m realtime.Message) (said, error) {
	m, received, err := r.Hub.Publish(ctx, m)
	return said{m.Seq, m.At, received}, err
}

// saidBefore looks for the row of a message that is kept.
func (r *Rooms) saidBefore(ctx context.Context, id string) (said, bool, error) {
	var row struct {
		Seq     int64  `db:"seq"`
		Created string `db:"created"`
	}
	err := r.App.ConcurrentDB().Select("seq", "created").From("room_messages").Where(dbx.HashExp{"id": id}).WithContext(ctx).One(&row)
	if errors.Is(err, sql.ErrNoRows) {
		return said{}, false, nil
	}
	if err != nil {
		return said{}, false, fmt.Errorf("look for a room message: %w", err)
	}
	at, err := time.Parse("2006-01-02 15:04:05.000Z", row.Created)
	if err != nil {
		return said{}, false, fmt.Errorf("read the time of a room message: %w", err)
	}
	return said{Seq: row.Seq, At: at}, true, nil
}

// messageID is the id of the row of what sender says under key: 15 of the characters that PocketBase's ids have.
func messageID(room, sender, key string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", room, sender, key))
	return hex.EncodeToString(sum[:])[:15]
}
