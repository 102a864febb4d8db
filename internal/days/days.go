// Package days converts moments: WeChat counts its days in Beijing, and PocketBase stores a moment as a text that
// sorts.
package days

import "time"

// Beijing is the time zone of WeChat's days; it has no summer time.
func Beijing() *time.Location { return time.FixedZone("CST", 8*60*60) }

// Stored is how PocketBase writes a time into the database.
const Stored = "2006-01-02 15:04:05.000Z"
