// Package book keeps what a simulator remembers: a journal of upserts on the disk, shelves that list entities in the order in which they came,
// and counters for limits. It knows no feature: what a Row is about is the caller's business.
package book
