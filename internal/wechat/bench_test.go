package wechat_test

import (
	"net/http"
	"testing"

	"wxbase/internal/wechat"
)

// the cost of a login without WeChat and network.
func BenchmarkCode2Session(b *testing.B) {
	c := clientOf(func(*http.Request) (*http.Response, error) {
		return say(`{"session_key":"FXyAgbNxCO7jXW13E177YA==","openid":"o-PON","unionid":"ou"}`), nil
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Code2Session(b.Context(), "0a3zvG100jPPqU1tQb000Qv5Kj2zvG1x"); err != nil {
			b.Fatal(err)
		}
	}
}

// the same on all processors at once: every call takes the locks of breaker, line and hosts.
func BenchmarkCode2SessionParallel(b *testing.B) {
	c := clientOf(func(*http.Request) (*http.Response, error) {
		return say(`{"session_key":"FXyAgbNxCO7jXW13E177YA==","openid":"o-PON","unionid":"ou"}`), nil
	})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Code2Session(b.Context(), "0a3zvG100jPPqU1tQb000Qv5Kj2zvG1x"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkDecryptOpenData(b *testing.B) {
	v := golden(b).OpenData
	b.ReportAllocs()
	b.SetBytes(int64(len(v.EncryptedData)))
	for b.Loop() {
		if _, err := wechat.DecryptOpenData(v.SessionKey, v.EncryptedData, v.IV, v.AppID); err != nil {
			b.Fatal(err)
		}
	}
}

// the cost of a push before it is stored: signature, AES, JSON.
func BenchmarkPushOpen(b *testing.B) {
	c := codec(b, pushConfig())
	query, sealed := sealPush(b, textJSON)
	body := []byte(`{"ToUserName":"gh_97417a04a28d","Encrypt":"` + sealed + `"}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := c.Open(query, body, pushTime); err != nil {
			b.Fatal(err)
		}
	}
}
