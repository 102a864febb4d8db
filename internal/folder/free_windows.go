package folder

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// FreeBytes is how much a program may still write to the disk that a folder lies on.
func FreeBytes(dir string) (uint64, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, nil, nil); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return free, nil
}
