package main

import (
	"crypto/md5" //nolint:gosec // API v2 of WeChat Pay signs with it
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// What the stub and the server agree on. None of it opens anything.
const (
	appID      = "wx0000000000000001"
	mchID      = "1900000001"
	v2Key      = "0123456789abcdef0123456789abcdef" //nolint:gosec // of a merchant that does not exist
	sessionKey = "MDEyMzQ1Njc4OWFiY2RlZg=="         //nolint:gosec // of people who do not exist
)

// stub is as much of WeChat as the rows need.
type stub struct {
	url     string
	prepaid atomic.Int64
	server  *http.Server
}

func startStub() (*stub, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it lives as long as the run
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	w := &stub{url: "http://" + listener.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sns/jscode2session", func(out http.ResponseWriter, r *http.Request) {
		answer(out, map[string]any{"openid": "o" + r.URL.Query().Get("js_code"), "session_key": sessionKey})
	})
	for _, path := range []string{"GET /cgi-bin/token", "POST /cgi-bin/stable_token"} {
		mux.HandleFunc(path, func(out http.ResponseWriter, _ *http.Request) {
			answer(out, map[string]any{"access_token": "stub-token-of-the-bench", "expires_in": 7200})
		})
	}
	mux.HandleFunc("POST /wxa/getwxacodeunlimit", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "image/jpeg")
		_, _ = out.Write(picture())
	})
	mux.HandleFunc("POST /pay/unifiedorder", w.unifiedOrder)
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = w.server.Serve(listener) }()
	return w, nil
}

func answer(out http.ResponseWriter, body any) {
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(body)
}

// unifiedOrder takes an order that is signed, and signs its answer.
func (w *stub) unifiedOrder(out http.ResponseWriter, r *http.Request) {
	asked, err := readXML(r.Body)
	if err != nil || asked["sign"] != sign(asked) {
		_, _ = io.WriteString(out, writeXML(map[string]string{"return_code": "FAIL", "return_msg": "签名错误"}))
		return
	}
	fields := map[string]string{
		"return_code": "SUCCESS", "result_code": "SUCCESS", "appid": appID, "mch_id": mchID, "nonce_str": "bench", "trade_type": "JSAPI",
		"prepay_id": fmt.Sprintf("wx%034d", w.prepaid.Add(1)),
	}
	fields["sign"] = sign(fields)
	_, _ = io.WriteString(out, writeXML(fields))
}

// sign is the MD5 signature of API v2.
func sign(fields map[string]string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "sign" && fields[name] != "" {
			text.WriteString(name + "=" + fields[name] + "&")
		}
	}
	sum := md5.Sum([]byte(text.String() + "key=" + v2Key)) //nolint:gosec // see above
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func writeXML(fields map[string]string) string {
	var text strings.Builder
	text.WriteString("<xml>")
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text.WriteString("<" + name + "><![CDATA[" + fields[name] + "]]></" + name + ">")
	}
	return text.String() + "</xml>"
}

func readXML(r io.Reader) (map[string]string, error) {
	fields, decoder, name := map[string]string{}, xml.NewDecoder(r), ""
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return fields, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			name = t.Name.Local
		case xml.CharData:
			if name != "" {
				fields[name] += string(t)
			}
		case xml.EndElement:
			name = ""
		}
	}
}
