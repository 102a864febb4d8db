// Package packaging holds what a machine needs besides the executable: the systemd unit, and examples to copy:
// containers, proxies, dashboards.
package packaging

import _ "embed" // the unit

// Unit is the unit of systemd, for the paths that `wxbase install` uses.
//
//go:embed systemd/wxbase.service
var Unit string
