package moving

import (
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strings"
)

// idLength is that of PocketBase's own ids; columns of ours that hold the id of a user take no more.
const idLength = 15

var plainID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// shortID computes an id of ours from names of theirs: the same for the same names, in every run.
func shortID(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:idLength]
}

// rowID keeps an id where a record of ours may bear it, so that ids in links and codes of clients stay true.
func rowID(label, class, id string) string {
	if plainID.MatchString(id) {
		return id
	}
	return shortID(label, class, id)
}
