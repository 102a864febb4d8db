package hooks

import (
	"fmt"
	"runtime"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/groupcommit"
)

// cacheKB is the page cache of one connection. PocketBase opens up to 120 and gives each 32 MB: ten searches of a superuser over a large
// table took 800 MB. The system's own cache holds the pages all the same, and the speed is the same: lists over 100,000 orders at 32
// connections took 175 MB with 1000, and 127 MB with 300.
const cacheKB = "300"

// Connect opens a database of PocketBase the way money needs it. Pass it as pocketbase.Config.DBConnect.
//
// It differs from PocketBase's own in three pragmas: transactions begin IMMEDIATE, so that a read followed by a write cannot fail
// half way when another process writes; synchronous is FULL, so that a commit survives a power cut; and the page cache is small.
//
// note: _defensive keeps statements from damaging the file (writable_schema, shadow tables). The driver that PocketBase 0.39 asks for does
// not know it yet and passes over it; that of 0.40 does.
func Connect(path string) (*dbx.DB, error) {
	db, err := groupcommit.Open(path + "?_txlock=immediate" +
		"&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)" +
		"&_defensive=1&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-" + cacheKB + ")")
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return dbx.NewFromDB(db, "sqlite"), nil
}

// readersPerCore is how many connections read at a time, and how many stay open. PocketBase opens up to 120 and keeps 15: with more requests than
// that at a time each of the others opens a connection and closes it again, which is a tenth of a login; and each takes 1.5 MB for its pages,
// its copy of the schema and its statements. On two cores 40 of them were no faster than 16, and took up to 35 MB more.
const readersPerCore = 8

// groupWrites lets the transactions of data.db share their waits for the disk. PocketBase says itself which pool is the writers', so
// nothing rests on the order in which it opens its pools; the readers' pool and the two of the log stay as they are. A program that
// opens its databases in another way than Connect keeps what it has.
func (c *Config) groupWrites(e *core.BootstrapEvent) error {
	if err := e.Next(); err != nil {
		return err
	}
	if db, ok := e.App.ConcurrentDB().(*dbx.DB); ok && groupcommit.IsOurs(db.DB()) {
		readers := readersPerCore * runtime.GOMAXPROCS(0)
		db.DB().SetMaxOpenConns(readers)
		db.DB().SetMaxIdleConns(readers)
	}
	if db, ok := e.App.NonconcurrentDB().(*dbx.DB); ok && c.Env("WXBASE_GROUP_COMMIT") != "off" && groupcommit.IsOurs(db.DB()) {
		return groupcommit.Enable(db.DB())
	}
	return nil
}
