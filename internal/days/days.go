// Package days converts moments: WeChat counts its days in Beijing, and PocketBase stores a moment as a text that
// sorts.
package days

import "time"

// Beijing is the time zone of WeChat's days; it has no summer time.
func Beijing() *time.Location { return time.FixedZone("CST", 8*60*60) }

// Stored is how PocketBase writes a time into the database.
const Stored = "2006-01-02 15:04:05.000Z"

// Store writes a moment as PocketBase stores it.
func Store(at time.Time) string { return at.UTC().Format(Stored) }

// Stamp writes a moment for an answer in JSON; empty for none.
func Stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}
