package moving

// Access counts what the ACLs of a class allow, and is the basis of its rules.
//
// A PocketBase rule sees a row's fields, so two of them carry an ACL: aclPublic (everyone reads) and aclOwner (one user
// reads and writes). What these cannot express stays in the hidden field acl, and for that part only superusers have
// access.
type Access struct {
	Rows    int `json:"rows"`             // with an ACL or a maker
	Public  int `json:"public"`           // everybody may read
	Owned   int `json:"owned"`            // one user may read and write
	Partly  int `json:"partly"`           // roles, several users, writing by everybody: not kept by rules
	None    int `json:"none"`             // without an ACL
	Frozen  int `json:"frozen,omitempty"` // owned, but only to read
	OpenIDs int `json:"openids,omitempty"`
}

// access is what the fields of one row say.
type access struct {
	public bool
	owner  string // id of a person there
	frozen bool   // the owner may read only
	partly bool
}

func accessOf(row Row) (a access) {
	all, everybody := row.ACL["*"], false
	a.public, everybody = all.Read, all.Write
	a.partly = everybody
	for who, g := range row.ACL {
		if who == "*" {
			continue
		}
		if mine := g.Read || g.Write && a.public; mine && a.owner == "" && !isRole(who) && a.alone(row.ACL) {
			a.owner, a.frozen = who, !g.Write
		} else if g.Read || g.Write {
			a.partly = a.partly || g.Write || !a.public
		}
	}
	return a
}

// alone tells whether an ACL names one reader or writer besides everyone.
func (a access) alone(acl ACL) bool {
	_, everybody := acl["*"]
	return len(acl) == 1+ones(everybody)
}

func isRole(who string) bool { return len(who) > 5 && who[:5] == "role:" }

func (a *Access) see(row Row) {
	if row.OpenID != "" {
		a.Rows, a.Owned, a.OpenIDs = a.Rows+1, a.Owned+1, a.OpenIDs+1
		return
	}
	if row.ACL == nil {
		a.None++
		return
	}
	one := accessOf(row)
	a.Rows++
	a.Public += ones(one.public)
	a.Owned += ones(one.owner != "")
	a.Partly += ones(one.partly)
	a.Frozen += ones(one.frozen)
}

func ones(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// ownerRule needs the first half: a row without an owner would belong to everyone who is not logged in.
const ownerRule = `@request.auth.id != "" && aclOwner = @request.auth.id`

// Read is the list and view rule; nil for superusers only. A row without an ACL is open in LeanCloud as far as the class is, which no export
// tells, so that such rows stay closed.
func (a Access) Read() *string {
	switch {
	case a.Public == 0 && a.Owned == 0:
		return nil
	case a.Public == 0:
		return new(ownerRule)
	case a.Public == a.Rows && a.None == 0:
		return new("")
	case a.Owned == 0:
		return new("aclPublic = true")
	}
	return new("aclPublic = true || (" + ownerRule + ")")
}

// Write is the update and delete rule. Who owns a row cannot give it away, nor open it. Where one owner may only read, none writes.
func (a Access) Write() (update, remove *string) {
	if a.Owned == 0 || a.Frozen > 0 {
		return nil, nil
	}
	guard := " && @request.body.aclOwner:changed = false && @request.body.aclPublic:changed = false"
	return new(ownerRule + guard), new(ownerRule)
}
