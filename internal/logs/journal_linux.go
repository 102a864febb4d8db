package logs

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// endsInJournal tells whether systemd's journal reads out: JOURNAL_STREAM names the device and inode of its socket. A program that was started from a
// service, with an output of its own, has the variable too.
func endsInJournal(stream string, out io.Writer) bool {
	file, ok := out.(*os.File)
	if stream == "" || !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
