package sim

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

// TestQuickSigner: its signatures equal those of the standard library, for keys of several sizes, also after storing a
// key.
func TestQuickSigner(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{1024, 2048} {
		key, err := quickKey(bits)
		if err != nil {
			t.Fatal(err)
		}
		text, err := privatePEM(key)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseKey(text)
		if err != nil || !again.Equal(key) || key.N.BitLen() != bits {
			t.Fatalf("got %v, want the key back from its text", err)
		}
		signer := newQuickSigner(again)
		for n := range 50 {
			message := strings.Repeat("面", n)
			sum := sha256.Sum256([]byte(message))
			if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signer.sign(message)); err != nil {
				t.Fatalf("%d bits, %d: %v", bits, n, err)
			}
		}
		if _, err := selfSigned(key, "x", time.Now()); err != nil {
			t.Errorf("got %v, want a certificate", err)
		}
	}
	two, err := rsa.GenerateKey(nil, 1024)
	if err == nil && newQuickSigner(two) != nil {
		t.Error("got a signer of our own for two primes, want the standard library's")
	}
}

// BenchmarkSign is one signature of WeChat Pay.
func BenchmarkSign(b *testing.B) {
	key, err := quickKey(2048)
	if err != nil {
		b.Fatal(err)
	}
	signer := newQuickSigner(key)
	for b.Loop() {
		signer.sign("text")
	}
}
