package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
)

// WeChat Pay's own keys here are RSA keys of eight primes: they verify like any other, and sign several times as fast,
// which is most of an answer's cost. NB! signing does not take constant time, and eight primes are weaker than two:
// these keys protect nothing, as they are invented on this machine for a WeChat that does not exist. A merchant's key
// has two primes.
const quickPrimes = 8

// quickKey makes a key of eight primes.
func quickKey(bits int) (*rsa.PrivateKey, error) {
	e, one := big.NewInt(65537), big.NewInt(1)
	for {
		n, phi, primes := big.NewInt(1), big.NewInt(1), make([]*big.Int, quickPrimes)
		for i := range primes {
			p, err := rand.Prime(rand.Reader, bits/quickPrimes)
			if err != nil {
				return nil, fmt.Errorf("make prime: %w", err)
			}
			primes[i] = p
			n.Mul(n, p)
			phi.Mul(phi, new(big.Int).Sub(p, one))
		}
		d := new(big.Int).ModInverse(e, phi)
		if n.BitLen() != bits || d == nil || !distinct(primes) {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: int(e.Int64())}, D: d, Primes: primes}
		key.Precompute()
		return key, key.Validate()
	}
}

func distinct(list []*big.Int) bool {
	for i, a := range list {
		for _, b := range list[:i] {
			if a.Cmp(b) == 0 {
				return false
			}
		}
	}
	return true
}

// quickSigner signs with a key of more than two primes: once per prime, then it combines the parts (RFC 8017, 5.1.2).
type quickSigner struct {
	size  int
	parts []quickPart
}

type quickPart struct {
	prime, exponent *big.Int // d mod (prime - 1)
	before, inverse *big.Int // the product of the primes before, and its inverse
}

// newQuickSigner returns nil for a key of two primes, for which the standard library is as fast.
func newQuickSigner(key *rsa.PrivateKey) *quickSigner {
	if len(key.Primes) < 3 {
		return nil
	}
	q, before := &quickSigner{size: key.Size()}, big.NewInt(1)
	for _, p := range key.Primes {
		part := quickPart{prime: p, exponent: new(big.Int).Mod(key.D, new(big.Int).Sub(p, big.NewInt(1))), before: new(big.Int).Set(before)}
		part.inverse = new(big.Int).ModInverse(before, p)
		q.parts = append(q.parts, part)
		before.Mul(before, p)
	}
	return q
}

// sign is RSASSA-PKCS1-v1_5 with SHA-256 over text.
func (q *quickSigner) sign(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	name, _ := hex.DecodeString(sha256Name)
	padded := make([]byte, q.size)
	padded[1] = 1
	at := q.size - len(name) - len(sum)
	for i := 2; i < at-1; i++ {
		padded[i] = 0xff
	}
	copy(padded[at:], name)
	copy(padded[at+len(name):], sum[:])
	m, x := new(big.Int).SetBytes(padded), new(big.Int)
	for _, p := range q.parts {
		step := new(big.Int).Exp(m, p.exponent, p.prime)
		step.Sub(step, x)
		step.Mul(step, p.inverse)
		step.Mod(step, p.prime)
		x.Add(x, step.Mul(step, p.before))
	}
	return x.FillBytes(padded)
}

// sha256Name precedes the hash in a signature, in hex.
const sha256Name = "3031300d060960864801650304020105000420"
