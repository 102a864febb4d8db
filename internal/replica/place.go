// Package replica copies every commit of data.db elsewhere a second later, by Litestream inside of this program, and brings it back: whole on an
// empty folder, or as it was at a moment. The files of storage/ follow within half a minute; the log (auxiliary.db) is
// not copied.
//
// The words: a *place* is where the copy lies, a folder or a bucket; its *chain* is the changes one after another, which only one server may write;
// the *fence* is what keeps a second one out; the *owner* is the data folder that a place belongs to; the *mirror* is the copy of the files.
package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/benbjohnson/litestream/file"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/superfly/ltx"
)

// Variables that say where the copy lies, and the keys of a bucket, which are in no address so that they are in no log.
const (
	EnvPlace  = "WXBASE_REPLICA"
	EnvKey    = "WXBASE_REPLICA_KEY"
	EnvSecret = "WXBASE_REPLICA_SECRET" //nolint:gosec // the name of a variable
)

// dataFile is the database, here and in the place.
const dataFile = "data.db"

// Place is where the copy lies.
type Place struct {
	folder string // of this machine; empty for a bucket

	bucket, prefix   string
	region, endpoint string
	key, secret      string
	pathStyle        bool
}

// Parse reads WXBASE_REPLICA; without it there is no place, and no error:
//
//	file:///mnt/other-disk/shop
//	s3://BUCKET/PREFIX?endpoint=https://…&region=…     any S3; &style=virtual where the bucket is part of the host's name
//	oss://BUCKET/PREFIX?region=cn-hangzhou             阿里云 OSS; &internal=1 within its region
func Parse(env func(string) string) (*Place, error) {
	text := env(EnvPlace)
	if text == "" {
		return nil, nil
	}
	p, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvPlace, err)
	}
	if p.folder != "" {
		return p, nil
	}
	p.key, p.secret = env(EnvKey), env(EnvSecret)
	if p.key == "" || p.secret == "" {
		return nil, fmt.Errorf("%s is a bucket: its keys belong into %s and %s", EnvPlace, EnvKey, EnvSecret)
	}
	return p, nil
}

func parse(text string) (*Place, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("this is no address: want file:///…, s3://BUCKET/… or oss://BUCKET/…") // note: url's error would say it whole
	}
	if u.User != nil {
		return nil, fmt.Errorf("keys do not belong into the address: %s and %s", EnvKey, EnvSecret)
	}
	query, prefix := u.Query(), strings.Trim(u.Path, "/")
	for name := range query {
		if name != "endpoint" && name != "region" && name != "style" && name != "internal" {
			return nil, fmt.Errorf("%q is no option of it", name)
		}
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || !filepath.IsAbs(u.Path) {
			return nil, errors.New("want file:/// and a whole path")
		}
		return &Place{folder: filepath.Clean(u.Path)}, nil
	case "oss":
		region := strings.TrimPrefix(query.Get("region"), "oss-")
		if u.Host == "" || region == "" {
			return nil, errors.New("want oss://BUCKET/PREFIX?region=cn-hangzhou")
		}
		within := map[bool]string{true: "-internal"}[query.Get("internal") == "1"]
		return &Place{bucket: u.Host, prefix: prefix, region: region, endpoint: "https://s3.oss-" + region + within + ".aliyuncs.com"}, nil
	case "s3":
		p := &Place{
			bucket: u.Host, prefix: prefix, region: cmp.Or(query.Get("region"), "us-east-1"), endpoint: query.Get("endpoint"),
			pathStyle: query.Get("style") != "virtual",
		}
		if p.bucket == "" || p.endpoint == "" {
			return nil, errors.New("want s3://BUCKET/PREFIX?endpoint=https://…&region=…")
		}
		return p, p.checkEndpoint()
	}
	return nil, fmt.Errorf("%q is none of file, s3 and oss", u.Scheme)
}

// checkEndpoint wants TLS for what leaves the house: the whole shop goes over the line.
func (p *Place) checkEndpoint() error {
	u, err := url.Parse(p.endpoint)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("endpoint is no address: want https://…")
	}
	ip := net.ParseIP(u.Hostname())
	near := ip != nil && (ip.IsLoopback() || ip.IsPrivate()) || !strings.Contains(u.Hostname(), ".")
	if u.Scheme == "https" || u.Scheme == "http" && near {
		return nil
	}
	return errors.New("endpoint has to be https, unless it is on this machine or in this network")
}

// String names the place, without keys.
func (p *Place) String() string {
	if p.folder != "" {
		return p.folder
	}
	return p.bucket + "/" + p.prefix + " at " + p.endpoint
}

// CheckApart refuses a place inside of the data folder, which would be lost with it.
func (p *Place) CheckApart(dataDir string) error {
	if p.folder == "" {
		return nil
	}
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(dir, p.folder); err == nil && filepath.IsLocal(rel) {
		return fmt.Errorf("%s: %s lies in the data folder, and would be lost with it: name another disk", EnvPlace, p.folder)
	}
	return nil
}

// open gives the bucket for some calls.
func (p *Place) open(ctx context.Context) (*filesystem.System, error) {
	files, err := filesystem.NewS3(p.bucket, p.region, p.endpoint, p.key, p.secret, p.pathStyle)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	files.SetContext(ctx)
	return files, nil
}

// client is Litestream's way to the place. Large changes wait in work on their way to a bucket.
func (p *Place) client(work string) litestream.ReplicaClient {
	if p.folder != "" {
		return &folderClient{ReplicaClient: file.NewReplicaClient(filepath.Join(p.folder, dataFile))}
	}
	return &bucket{place: p, root: join(p.prefix, dataFile), work: work}
}

// Restore writes the database as it is in the place, or as it was at a moment, to a file that is not there yet. found is false when the place holds
// nothing yet; a place that does not answer is an error.
func (p *Place) Restore(ctx context.Context, to string, at time.Time) (found bool, err error) {
	client := p.client(filepath.Dir(to))
	if err := client.Init(ctx); err != nil {
		return false, err
	}
	from := litestream.NewReplicaWithClient(nil, client)
	first, last, err := from.TimeBounds(ctx)
	if err != nil {
		return false, fmt.Errorf("look into the replica %s: %w", p, err)
	}
	if last.IsZero() {
		return false, nil
	}
	if !at.IsZero() && at.Before(first) {
		return false, fmt.Errorf("the replica begins at %s", first.Local().Format(time.DateTime))
	}
	options := litestream.NewRestoreOptions()
	options.OutputPath = to
	if at.Before(last) {
		options.Timestamp = at // note: what is later is the newest there is
	}
	if err := from.Restore(ctx, options); err != nil {
		return false, errors.Join(fmt.Errorf("restore from %s: %w", p, err), removeIfThere(to), removeIfThere(to+".tmp"))
	}
	return true, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// folderClient is Litestream's client of a folder, which can be shut.
type folderClient struct {
	*file.ReplicaClient
	fenced atomic.Bool
}

func (c *folderClient) shut() { c.fenced.Store(true) }

// WriteLTXFile writes a file.
func (c *folderClient) WriteLTXFile(ctx context.Context, level int, minTXID, maxTXID ltx.TXID, r io.Reader) (*ltx.FileInfo, error) {
	if c.fenced.Load() {
		return nil, ErrHeld
	}
	return c.ReplicaClient.WriteLTXFile(ctx, level, minTXID, maxTXID, r)
}

// DeleteLTXFiles deletes some.
func (c *folderClient) DeleteLTXFiles(ctx context.Context, infos []*ltx.FileInfo) error {
	if c.fenced.Load() {
		return ErrHeld
	}
	return c.ReplicaClient.DeleteLTXFiles(ctx, infos)
}

// DeleteAll empties the place.
func (c *folderClient) DeleteAll(ctx context.Context) error {
	if c.fenced.Load() {
		return ErrHeld
	}
	return c.ReplicaClient.DeleteAll(ctx)
}
