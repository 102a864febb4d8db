package scene

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Key hashes the parts of a request for a code, so that the same request finds the
// same image again: 64 hex digits. Every part goes in with its length, so that
// ("ab", "c") and ("a", "bc") differ. Pass JSON through CanonicalJSON first.
func Key(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return hex.EncodeToString(hash.Sum(nil))
}
