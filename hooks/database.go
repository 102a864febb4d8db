package hooks

import (
	"fmt"

	"github.com/pocketbase/dbx"

	_ "modernc.org/sqlite" // the driver; pinned together with PocketBase
)

// Connect opens a database of PocketBase the way money needs it. Pass it as pocketbase.Config.DBConnect.
//
// It differs from PocketBase's own in two pragmas: transactions begin IMMEDIATE, so that a read followed by a write cannot fail
// half way when another process writes; and synchronous is FULL, so that a commit survives a power cut.
func Connect(path string) (*dbx.DB, error) {
	db, err := dbx.Open("sqlite", path+"?_txlock=immediate"+
		"&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)"+
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)")
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}
