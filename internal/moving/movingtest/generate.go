// Package movingtest makes exports of LeanCloud for tests and for trying an import: in the documented form, without
// real data.
package movingtest

import (
	"bufio"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Password and Salt are those of every second user; the hash is the vector of the documents.
const (
	Salt     = "h60d8x797d3oa0naxybxxv9bn7xpt2yiowz68mpiwou7gwr2"
	Password = "password"
	Hash     = "tA7BLW+NK0UeARng0693gCaVnljkglCB9snqlpCSUKjx2RgYp8VZZOQt0S5iUtlDrkJXfT3gknS4rRqjYsd/Ug=="
)

// ID makes an objectId: 24 digits of base 16.
func ID(kind string, n int) string {
	sum := sha512.Sum512(fmt.Appendf(nil, "%s %d", kind, n))
	return fmt.Sprintf("%x", sum[:12])
}

// OpenID is that of user n.
func OpenID(n int) string { return fmt.Sprintf("oLeanCloud%018d", n) }

// epoch is when the first row was made.
var epoch = time.Date(2024, 3, 1, 4, 0, 0, 0, time.UTC)

// At is when row n was made; it was changed an hour later.
func At(n int) time.Time { return epoch.Add(time.Duration(n) * time.Minute) }

const iso = "2006-01-02T15:04:05.000Z"

// Generate writes an export with this many rows in all into a folder: a twentieth are users, a hundredth goods, the rest notes.
func Generate(dir string, rows int) error {
	users, goods := max(2, rows/20), max(1, rows/100)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, class := range []struct {
		name string
		n    int
		row  func(n int) map[string]any
	}{
		{"_User", users, user},
		{"Goods", goods, good},
		{"Note", rows - users - goods, func(n int) map[string]any { return Note(n, users, goods) }},
	} {
		if err := write(filepath.Join(dir, class.name+".jsonl"), class.n, class.row); err != nil {
			return fmt.Errorf("generate %s: %w", class.name, err)
		}
	}
	return nil
}

func write(path string, n int, row func(int) map[string]any) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // named by the caller
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	encoder := json.NewEncoder(out)
	for i := range n {
		if err := encoder.Encode(row(i)); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}

func dated(id string, n int, row map[string]any) map[string]any {
	row["objectId"], row["createdAt"], row["updatedAt"] = id, At(n).Format(iso), At(n).Add(time.Hour).Format(iso)
	return row
}

func user(n int) map[string]any {
	row := map[string]any{
		"username": fmt.Sprintf("user%d", n), "nickName": fmt.Sprintf("小明%d", n), "sessionToken": "not-to-be-kept", "points": n,
		"ACL": map[string]any{"*": map[string]any{"read": true, "write": true}},
	}
	if n%2 == 0 {
		row["password"], row["salt"] = Hash, Salt
		row["email"], row["emailVerified"] = fmt.Sprintf("user%d@example.com", n), true
	} else {
		row["authData"] = map[string]any{"lc_weapp": map[string]any{"openid": OpenID(n), "session_key": "not-to-be-kept"}}
	}
	return dated(ID("user", n), n, row)
}

func good(n int) map[string]any {
	return dated(ID("good", n), n, map[string]any{
		"name": fmt.Sprintf("牛肉面 %d", n), "price": 1000 + n, "ACL": map[string]any{"*": map[string]any{"read": true}},
	})
}

// Note is row n of the class Note of an export with so many users and goods.
func Note(n, users, goods int) map[string]any {
	owner := ID("user", n%users)
	acl := map[string]any{owner: map[string]any{"read": true, "write": true}}
	if n%3 == 0 {
		acl["*"] = map[string]any{"read": true}
	}
	return dated(ID("note", n), n, map[string]any{
		"text": fmt.Sprintf("第 %d 条 <b>&</b> 😀", n), "stars": float64(n) / 4, "public": n%3 == 0, "created": "collides", "ACL": acl,
		"author": map[string]any{"__type": "Pointer", "className": "_User", "objectId": owner},
		"good":   map[string]any{"__type": "Pointer", "className": "Goods", "objectId": ID("good", n%goods)},
		"at":     map[string]any{"__type": "Date", "iso": At(n).Add(time.Second).Format(iso)},
		"where":  map[string]any{"__type": "GeoPoint", "latitude": float64(n%90) + 0.5, "longitude": float64(n % 180)},
		"tags":   []any{"a", n}, "raw": map[string]any{"__type": "Bytes", "base64": base64.StdEncoding.EncodeToString(fmt.Append(nil, n))},
	})
}
