package migrations

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
)

//go:embed schema.json
var schemaJSON []byte

// Collection is one collection of wxbase as the migrations leave it in a new data folder.
type Collection struct {
	ID      string           `json:"id"`
	Name    string           `json:"name"`
	Type    string           `json:"type"`
	Fields  []map[string]any `json:"fields"`  // as PocketBase writes them into an export
	Indexes []string         `json:"indexes"` // SQL
}

// Schema lists the collections that the code relies on. schema.json is written by `go test ./migrations -run TestSchema -update` and held
// equal to a migrated data folder by that test.
var Schema = sync.OnceValue(func() []Collection {
	var all []Collection
	if err := json.Unmarshal(schemaJSON, &all); err != nil {
		panic(fmt.Sprintf("read schema.json: %v", err)) // a file that was built in
	}
	return all
})
