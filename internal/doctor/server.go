package doctor

import (
	"context"
	"slices"
	"strconv"
	"time"

	"wxbase/internal/explain"
	"wxbase/internal/redact"
)

// checkDisk: is there room.
func checkDisk(_ context.Context, v *visit, _ subject) outcome {
	if v.Disk == nil {
		return result("disk_unknown")
	}
	free, least, err := v.Disk()
	megabytes := strconv.FormatUint(free>>20, 10)
	switch {
	case err != nil:
		return result("disk_unknown")
	case free < least/16:
		return result("disk_full", "free", megabytes)
	case free < least:
		return result("disk_short", "free", megabytes)
	}
	return result("disk_ok", "free", megabytes)
}

// checkBackups: is there a backup of late.
func checkBackups(_ context.Context, v *visit, _ subject) outcome {
	if v.Backup == nil {
		return result("backup_unknown")
	}
	newest, most, err := v.Backup()
	hours := strconv.Itoa(int(v.Now().Sub(newest).Hours()))
	switch {
	case err != nil:
		return result("backup_unreadable")
	case most <= 0:
		return result("backup_elsewhere")
	case newest.IsZero():
		return result("backup_missing")
	case v.Now().Sub(newest) > most:
		return result("backup_old", "hours", hours, "most", strconv.Itoa(int(most/time.Hour)))
	}
	return result("backup_ok", "hours", hours)
}

// lateCopy is how far the copy may be behind.
const lateCopy = time.Minute

// checkReplica: would a lost disk be a small thing.
func checkReplica(ctx context.Context, v *visit, _ subject) outcome {
	if v.Replica == nil {
		return result("replica_none")
	}
	c := v.Replica(ctx)
	switch {
	case c.Place == "":
		return result("replica_none")
	case c.Unreachable != nil:
		return result("replica_unreachable", "place", c.Place, "reason", oneLine(c.Unreachable))
	case c.Owner != "":
		return result("replica_taken", "place", c.Place, "owner", c.Owner)
	case c.Unwritable != nil:
		return result("replica_readonly", "place", c.Place, "reason", oneLine(c.Unwritable))
	case c.Empty:
		return result("replica_empty", "place", c.Place)
	case c.Behind > lateCopy:
		return result("replica_late", "seconds", strconv.Itoa(int(c.Behind.Seconds())))
	case c.Files != "":
		return result("replica_files", "reason", c.Files)
	case c.KeyIsHere:
		return result("replica_key")
	}
	return result("replica_ok", "place", c.Place)
}

func oneLine(err error) string { return explain.OneLine(redact.Text(err.Error())) }

// pins are the modules that wxbase leans on, in the versions that its tests have run with.
func pins() map[string]string {
	return map[string]string{
		"github.com/pocketbase/pocketbase":        "v0.39.11",
		"github.com/pocketbase/dbx":               "v1.12.0",
		"github.com/wechatpay-apiv3/wechatpay-go": "v0.2.21",
		"modernc.org/sqlite":                      "v1.55.0",
	}
}

// checkVersions: is this program built with what it was tested with. A program that embeds wxbase may not be.
func checkVersions(_ context.Context, v *visit, _ subject) outcome {
	if v.Built == nil {
		return result("versions_unknown")
	}
	built := v.Built()
	var names []string
	for name := range pins() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if have := built[name]; have != "" && have != pins()[name] {
			return result("versions_other", "module", name, "have", have, "want", pins()[name])
		}
	}
	return result("versions_ok", "pocketbase", pins()["github.com/pocketbase/pocketbase"])
}

// checkProxy: do we know who our clients are. Behind a proxy whose header is not trusted all of them share one address, and its limits.
func checkProxy(_ context.Context, v *visit, _ subject) outcome {
	if v.Proxy == nil {
		return result("proxy_unknown")
	}
	if header := v.Proxy(); header != "" {
		return result("proxy_untrusted", "header", header)
	}
	return result("proxy_ok")
}
