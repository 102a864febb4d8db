package moving

import (
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

// leanCloudMark begins a password of LeanCloud in the column of PocketBase's bcrypt hash. It is not a valid bcrypt
// hash, so only AcceptOldPassword opens such an account.
const leanCloudMark = "$leancloud$"

// leanCloudRounds follow the first hash.
const leanCloudRounds = 512

// NoPassword marks accounts that only a WeChat login opens; it is not a bcrypt hash.
const NoPassword = "$wechat-only"

// LeanCloudHash is how LeanCloud stores a password: SHA-512 of salt and password, then 512 rounds more over the raw digest, in base64.
func LeanCloudHash(salt, password string) string {
	sum := sha512.Sum512([]byte(salt + password))
	for range leanCloudRounds {
		sum = sha512.Sum512(sum[:])
	}
	return base64.StdEncoding.EncodeToString(sum[:])
}

// oldPassword is what the column keeps; "$" is in no salt of LeanCloud and in no base64.
func oldPassword(salt, hash string) string {
	if raw, err := base64.StdEncoding.DecodeString(hash); err != nil || len(raw) != sha512.Size || strings.Contains(salt, "$") {
		return NoPassword
	}
	return leanCloudMark + salt + "$" + hash
}

// AcceptOldPassword lets a moved user log in with the password of LeanCloud, once: PocketBase's own hash is stored at that login.
//
// NB! a blocked user passes here as with any right password and is stopped by the collection's auth rule after that.
func AcceptOldPassword(e *core.RecordAuthWithPasswordRequestEvent) error {
	if e.Record == nil {
		return e.Next()
	}
	salt, hash, ok := strings.Cut(strings.TrimPrefix(storedPassword(e.Record), leanCloudMark), "$")
	if !strings.HasPrefix(storedPassword(e.Record), leanCloudMark) || !ok {
		return e.Next()
	}
	if subtle.ConstantTimeCompare([]byte(LeanCloudHash(salt, e.Password)), []byte(hash)) != 1 {
		return e.Next() // bcrypt refuses it
	}
	e.Record.SetPassword(e.Password)
	// note: LeanCloud took passwords of any length; PocketBase's rules are for new ones
	if err := e.App.SaveNoValidate(e.Record); err != nil {
		return fmt.Errorf("store the password of %s anew: %w", e.Record.Id, err)
	}
	return e.Next()
}

func storedPassword(user *core.Record) string {
	return user.GetString("password:hash")
}
