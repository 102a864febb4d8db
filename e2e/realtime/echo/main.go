// Command echo serves packages socketio and engineio alone, with the handlers and the short timeouts that the published
// protocol suites demand. At /socket.io/ the event "auth" follows the entry into a namespace, "message" is returned as
// "message-back", and "message-with-ack" is acknowledged with its arguments. At /engine.io/ every message is returned.
//
//	go run ./e2e/realtime/echo 3000 200
//
// The second argument is the ping timeout in milliseconds. It prints one line when it listens. realtime/echo.js is the
// same in Node.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"wxbase/internal/realtime/socketio"
	"wxbase/internal/realtime/socketio/engineio"
)

func main() {
	if len(os.Args) != 3 {
		exit(fmt.Errorf("usage: %s <port> <ping timeout, ms>", os.Args[0]))
	}
	timeout, err := time.ParseDuration(os.Args[2] + "ms")
	if err != nil {
		exit(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Args[1])) //nolint:noctx // it listens until it is killed
	if err != nil {
		exit(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", newServer(timeout))
	mux.Handle("/engine.io/", newEngine(timeout))
	fmt.Fprintln(os.Stdout, "listening")
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	exit(server.Serve(listener))
}

const (
	pingInterval = 300 * time.Millisecond
	maxPayload   = 1_000_000
)

func newEngine(timeout time.Duration) *engineio.Server {
	return engineio.New(engineio.Config{
		PingInterval: pingInterval, PingTimeout: timeout, MaxPayload: maxPayload,
		Message: func(s *engineio.Session, data []byte) { _ = s.Send(engineio.NewMessage(data)) },
	})
}

func newServer(timeout time.Duration) *socketio.Server {
	return socketio.New(socketio.Config{
		PingInterval: pingInterval, PingTimeout: timeout, ConnectTimeout: 2 * time.Second,
		MaxPayload: maxPayload, EventsPerSecond: 1_000, EventsBurst: 1_000,
		Namespace: func(name string) bool { return name == "/" || name == "/custom" },
		Connect: func(_ context.Context, s *socketio.Socket, h socketio.Handshake) error {
			s.SetValue(json.RawMessage(cmp.Or(string(h.Auth), "{}")))
			return nil
		},
		Connected: func(s *socketio.Socket) { _ = s.Emit("auth", s.Value()) },
		Event:     echo,
	})
}

func echo(s *socketio.Socket, event string, args []json.RawMessage, ack func(...any)) {
	all := make([]any, len(args))
	for i, arg := range args {
		all[i] = arg
	}
	switch event {
	case "message":
		_ = s.Emit("message-back", all...)
	case "message-with-ack":
		ack(all...)
	}
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, "echo:", err)
	os.Exit(1)
}
