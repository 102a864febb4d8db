// Package moving imports the data of other services: exports of LeanCloud and CloudBase, another PocketBase, and the
// MySQL tables of the article's shop.
//
// The words: a *class* is a table of the other service, a *collection* is ours, a *person* is a row that becomes a
// user. A *Source* yields rows by class. MakePlan reads them once and decides the collection of each class, the field
// of each key, and the rules that follow from the ACLs; Mover.Run carries the *plan* out. Every id here is computed
// from the id there, so that a second run, or one after a kill, finds its own rows and changes nothing.
package moving

import (
	"time"
)

// Row is one object of the other service, its values brought to the types of value.go.
type Row struct {
	ID      string
	Created time.Time // UTC; zero when unknown
	Updated time.Time // UTC; zero when unknown
	OpenID  string    // WeChat's id of who made the row, where rows name it (CloudBase)
	ACL     ACL       // nil when the row has none
	Fields  map[string]any
	Person  *Person  // for rows that become users
	Lost    []string // what the row had and no field of ours takes
}

// Person is what a user keeps besides ordinary fields.
type Person struct {
	Username, Name, Email, Phone, CountryCode string
	EmailVerified                             bool
	Password                                  string // stored as it is: bcrypt or the form of password.go; empty for none
	OpenID, UnionID                           string
}

// Source is an export.
type Source interface {
	// Label names the service; collections that cannot keep their names get its Prefix.
	Label() string
	Prefix() string
	// People is the class whose rows become users; empty for none.
	People() string
	// Classes lists the classes in a fixed order.
	Classes() ([]string, error)
	// Rows calls yield for each row of a class, in the order of the export.
	Rows(class string, yield func(Row) error) error
}

// Grant is what an ACL allows one reader or writer.
type Grant struct{ Read, Write bool }

// ACL maps "*", the id of a person, or "role:NAME" to what it may do.
type ACL map[string]Grant
