package simcmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"wxbase/internal/apptest/web"
)

// TestMain is also the program that knows nothing of a simulator: with SIMCMD_ASK it asks that address and prints what comes.
func TestMain(m *testing.M) {
	address := os.Getenv("SIMCMD_ASK")
	if address == "" {
		os.Exit(m.Run())
	}
	resp, err := web.Client.Get(address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, _ = io.Copy(os.Stdout, resp.Body)
	_ = resp.Body.Close()
	os.Exit(0)
}

// lastLine stops what writes once it has written a text.
type lastLine struct {
	bytes.Buffer
	text string
	stop func()
}

func (w *lastLine) Write(b []byte) (int, error) {
	n, err := w.Buffer.Write(b)
	if strings.Contains(w.String(), w.text) {
		w.stop()
	}
	return n, err
}

// TestProxyCommand: it prints what programs need, and one that knows nothing reaches the simulator by WeChat's own address.
func TestProxyCommand(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, "exec", "--proxy", "127.0.0.1:0", "--", "env", "SIMCMD_ASK=https://api.weixin.qq.com/cgi-bin/token?grant_type=client_credential", self)
	if err != nil || !strings.Contains(out, `"errcode":41002`) {
		t.Errorf("got %q, %v, want the simulator's answer", out, err)
	}
	s := startServer(t)
	ctx, stop := context.WithCancel(t.Context())
	told := &lastLine{text: "127.0.0.1 api.wechatpay.cn\n", stop: stop}
	command := New(t.TempDir, anywhere)
	command.SetOut(told)
	command.SetArgs([]string{"proxy", "--listen", "127.0.0.1:0", "--url", s.url})
	if err := command.ExecuteContext(ctx); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"export HTTPS_PROXY='http://127.0.0.1:", "NODE_EXTRA_CA_CERTS", "127.0.0.1 api.mch.weixin.qq.com", s.url, "--listen 127.0.0.1:443"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("got %s, want %s told", told.String(), want)
		}
	}
	if _, err := run(t, "proxy", "--url", "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "wxbase sim") {
		t.Errorf("got %v, want it said that no simulator runs", err)
	}
}
