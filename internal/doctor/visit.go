package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// answered is what a host said.
type answered struct {
	status int
	header http.Header
	body   []byte // the first 64 KiB
}

// visitHost asks an address with GET, and follows nothing.
func (v *visit) visitHost(ctx context.Context, address string) (answered, error) {
	return v.ask(ctx, http.MethodGet, address, "")
}

func (v *visit) ask(ctx context.Context, method, address, body string) (answered, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return answered{}, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "wxbase-doctor")
	client := &http.Client{Transport: v.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return answered{}, fmt.Errorf("ask %s: %w", hostOf(address), err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return answered{}, fmt.Errorf("read answer of %s: %w", hostOf(address), err)
	}
	return answered{res.StatusCode, res.Header, raw}, nil
}

// whyNot names an error of the network: {check}_certificate, {check}_unreachable.
func whyNot(check string, err error) string {
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	if errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) {
		return check + "_certificate"
	}
	return check + "_unreachable"
}

// isTimeout tells an unanswered connection from a refused one.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
