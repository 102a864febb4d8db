package backup

import "io/fs"

// isMount: on Windows a mounted folder shows as a link.
func isMount(string, fs.FileInfo) bool { return false }
