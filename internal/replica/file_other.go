//go:build !unix

package replica

// fileID is not known here.
func fileID(string) string { return "" }
