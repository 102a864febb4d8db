// Package ui holds the shop's pages as built from the sources beside it (`make ui`), and the entry that adds them to
// PocketBase's dashboard. It does not depend on the server.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

//go:embed extension
var extension embed.FS

//go:embed dashboard
var dashboard embed.FS

// Pages are the built pages: index.html and assets whose names change with their content.
func Pages() fs.FS { return sub(dist, "dist") }

// Extension is the UI extension of PocketBase's dashboard: main.js.
func Extension() fs.FS { return sub(extension, "extension") }

// Chinese is the UI extension that shows PocketBase's own screens in Chinese: main.js, its code and its dictionary.
func Chinese() fs.FS { return sub(dashboard, "dashboard") }

// sub is fs.Sub for folders that are embedded, and so cannot be missing.
func sub(from embed.FS, folder string) fs.FS {
	inner, err := fs.Sub(from, folder)
	if err != nil {
		panic(err)
	}
	return inner
}
