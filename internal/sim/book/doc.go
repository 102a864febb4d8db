// Package book keeps what a simulator remembers: a *journal* of upserts on the disk, *shelves* that list entities in
// order of arrival, and *limiters* that count events. It knows no feature: the caller defines what a *row* means.
package book
