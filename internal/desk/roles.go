package desk

import "slices"

// Role is what a staff member is in the shop.
type Role string

// The roles, the most powerful first. Superuser is not of wx_staff: it stands for a superuser of PocketBase.
const (
	Owner     Role = "owner"
	Manager   Role = "manager"
	Clerk     Role = "clerk"
	Finance   Role = "finance"
	Viewer    Role = "viewer"
	Superuser Role = "superuser"
)

// Permission is one thing that a role may or may not do.
type Permission string

// The permissions.
const (
	View     Permission = "view"     // all that is not named below, without phone numbers
	Phone    Permission = "phone"    // a buyer's whole phone number
	Export   Permission = "export"   // lists as files
	Orders   Permission = "orders"   // cancel, ask WeChat, note, send an effect again
	Ship     Permission = "ship"     // shipping information
	Refund   Permission = "refund"   // give money back
	Payout   Permission = "payout"   // send money to people
	Dispute  Permission = "dispute"  // settle a disputed payment
	Products Permission = "products" // what is sold
	Users    Permission = "users"    // block, log out, hand out or delete a person's data
	Outreach Permission = "outreach" // codes, links, messages, rooms, templates
	Books    Permission = "books"    // inbox, bills, alerts
	Setup    Permission = "setup"    // mini programs, merchants, preferences
	Staff    Permission = "staff"    // other people's accounts
	Audit    Permission = "audit"    // who did what
)

// everything is every permission, in the order in which they are shown.
var everything = []Permission{View, Phone, Export, Orders, Ship, Refund, Payout, Dispute, Products, Users, Outreach, Books, Setup, Staff, Audit}

// allowed is the one table of who may do what.
var allowed = map[Role][]Permission{
	Owner:   everything,
	Manager: {View, Phone, Export, Orders, Ship, Refund, Payout, Dispute, Products, Users, Outreach, Books, Audit},
	Clerk:   {View, Phone, Orders, Ship},
	Finance: {View, Export, Refund, Payout, Dispute, Books},
	Viewer:  {View},
}

// roles are those that a staff member may have, in the order in which they are shown.
var roles = []Role{Owner, Manager, Clerk, Finance, Viewer}

// Permissions lists what a role may do; nothing for a word that is no role.
func (r Role) Permissions() []Permission {
	if r == Superuser {
		return everything
	}
	return allowed[r]
}

// May tells whether a role may do something.
func (r Role) May(p Permission) bool { return slices.Contains(r.Permissions(), p) }
