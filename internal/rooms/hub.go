package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/queries"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/sse"
	"wxbase/internal/sockets"
)

// publishTimeout bounds a publish by the server itself. note: a handler that publishes inside of a transaction waits for a commit that
// waits for the transaction; this is where that ends.
const publishTimeout = 5 * time.Second

// OpenRooms makes the hub and binds what belongs to it. It runs before the app boots.
func (r *Rooms) OpenRooms() error {
	limits, err := sockets.Limits(r.Env)
	if err != nil {
		return fmt.Errorf("register wxbase: %w", err)
	}
	r.roomBook, r.once = newRoomBook(r.App), newOnceSaid()
	r.Hub = realtime.New(realtime.Config{
		Store: roomStore{r.App, r.roomBook}, Rooms: r.roomBook.settings, Check: r.checkRoomMessage, Limits: limits, Now: r.Now,
		Logger: Logger(r.App),
	})
	r.front = sse.New(r.App, r.Hub, sse.Config{Room: r.joinByRequest, Identity: identityOfRequest, Fail: FailRoom, Options: queries.CheckTopic, Address: func(e *core.RequestEvent) string { return limit.Widen(e.RealIP()) }})
	r.bindRoomRecords()
	r.bindKicks()
	r.Metrics.Registry.MustRegister(sockets.Metrics{Hub: r.Hub, Streams: func() sockets.Transport { return transportOfFront(r.front.Stats()) }, Sockets: func() *gateway.Gateway { return r.sockets }})
	return nil
}

// Logger passes records on to the app's logger, which is there only once the app has booted.
func Logger(app core.App) *slog.Logger { return slog.New(appLogs{app}) }

// appLogs passes records on to the app's logger, which is there only once the app has booted.
type appLogs struct{ app core.App }

func (a appLogs) Enabled(ctx context.Context, l slog.Level) bool {
	return a.app.Logger().Enabled(ctx, l)
}

func (a appLogs) Handle(ctx context.Context, r slog.Record) error {
	return a.app.Logger().Handler().Handle(ctx, r)
}

func (a appLogs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return a.app.Logger().Handler().WithAttrs(attrs)
}

func (a appLogs) WithGroup(name string) slog.Handler { return a.app.Logger().Handler().WithGroup(name) }

// CloseRooms closes all connections and writes the rest of the history.
func (r *Rooms) CloseRooms() {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	if r.sockets != nil {
		if err := r.sockets.Shutdown(ctx); err != nil {
			r.App.Logger().Warn("Not all sockets left in time.", "error", err)
		}
	}
	if err := r.Hub.Close(ctx); err != nil {
		r.App.Logger().Error("The history of rooms was not written in time.", "error", err)
	}
}

// Publish sends a message to all members of a room and returns the number of this process's connections. It does not
// wait for them, but for the commit if the room has history: so do not call it inside a transaction.
func (r *Rooms) Publish(room, event string, payload any) (int, error) {
	raw, err := json.Marshal(payload)
	if err != nil {
		return 0, fmt.Errorf("encode message for room %s: %w", room, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	_, n, err := r.Hub.Publish(ctx, realtime.Message{Room: room, Event: event, Payload: raw})
	return n, err
}

// checkRoomMessage lets the program check a message before it is delivered.
func (r *Rooms) checkRoomMessage(_ context.Context, m *realtime.Message) error {
	e := &events.RoomMessageEvent{App: r.App, Room: m.Room, Name: m.Event, Payload: m.Payload, Sender: m.Sender}
	if err := r.OnRoomMessage.Trigger(e, func(*events.RoomMessageEvent) error { return nil }); err != nil {
		return refusedMessage(err)
	}
	if !json.Valid(e.Payload) {
		return realtime.ErrPayload
	}
	m.Payload = e.Payload
	return nil
}
