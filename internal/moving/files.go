package moving

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // the checksum that LeanCloud keeps
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"golang.org/x/sync/errgroup"
)

// fileWorkers fetch at the same time.
const fileWorkers = 4

// fileTimeout is for one file.
const fileTimeout = 2 * time.Minute

// FileOptions say where the files of an export come from.
type FileOptions struct {
	Skip   bool   // rows only; a later run brings the files
	Folder string // CloudBase: where its storage was downloaded to, with the paths of the file ids
	Client *http.Client
}

// writeFileRows writes the rows of files, without what is in them.
func (m *Mover) writeFileRows(tx core.App, c *Class, rows []Row) error {
	for _, row := range rows {
		file, _ := row.Fields["file"].(File)
		if err := m.writeFileRow(tx, c, file, row.Created, row.Updated); err != nil {
			return err
		}
	}
	return nil
}

// writeLooseFiles writes the rows of files that only the rows using them name.
func (m *Mover) writeLooseFiles(tx core.App, c *Class, rows []Row) error {
	class := m.Plan.Class(fileClass)
	for _, f := range c.Fields {
		if f.Kind != KindFile {
			continue
		}
		for _, row := range rows {
			file, ok := row.Fields[f.Key].(File)
			if !ok {
				continue
			}
			if err := m.writeFileRow(tx, class, file, row.Created, row.Updated); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeFileRow leaves a row alone that is there, but fills in what a mention of the file did not know.
func (m *Mover) writeFileRow(tx core.App, c *Class, f File, created, updated time.Time) error {
	_, err := tx.DB().NewQuery("INSERT INTO {{" + c.Collection + "}} ([[id]], [[name]], [[url]], [[mime]], [[md5]], [[size]], [[created]], [[updated]])" +
		" VALUES ({:id}, {:name}, {:url}, {:mime}, {:md5}, {:size}, {:created}, {:updated}) ON CONFLICT ([[id]]) DO UPDATE SET" +
		" [[md5]] = excluded.[[md5]], [[size]] = excluded.[[size]], [[mime]] = excluded.[[mime]]" +
		" WHERE [[file]] = '' AND [[md5]] = '' AND excluded.[[md5]] != ''").Bind(dbx.Params{
		"id": rowID(m.Source.Label(), fileClass, f.ID), "name": f.Name, "url": f.URL, "mime": f.MIME, "md5": f.MD5, "size": f.Size,
		"created": dateText(created), "updated": dateText(updated),
	}).Execute()
	return err
}

// missingFile is a row whose file has not come yet.
type missingFile struct {
	ID   string `db:"id"`
	Name string `db:"name"`
	URL  string `db:"url"`
	MD5  string `db:"md5"`
	Size int64  `db:"size"`
}

// moveFiles fetches what is missing. One that cannot be fetched is named in the report, and the next run tries it again.
func (m *Mover) moveFiles(ctx context.Context) error {
	c := m.Plan.Class(fileClass)
	if c == nil {
		return nil
	}
	var missing []missingFile
	err := m.App.DB().Select("id", "name", "url", "md5", "size").From(c.Collection).Where(dbx.HashExp{"file": ""}).OrderBy("id").All(&missing)
	if err != nil || len(missing) == 0 {
		return err
	}
	if m.Files.Skip {
		m.report.FilesLeft = len(missing)
		return nil
	}
	fs, err := m.App.NewFilesystem()
	if err != nil {
		return fmt.Errorf("open storage: %w", err)
	}
	defer func() { _ = fs.Close() }()
	var mu sync.Mutex
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(fileWorkers)
	for _, f := range missing {
		workers.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := m.moveFile(ctx, fs, c, f)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				m.report.Files++
			} else {
				m.report.FilesFailed = append(m.report.FilesFailed, fmt.Sprintf("%s %s: %v", f.ID, f.Name, err))
			}
			return nil
		})
	}
	return workers.Wait()
}

var (
	errChecksum = errors.New("its checksum is another one")
	errSize     = errors.New("its size is another one")
	errTooLarge = fmt.Errorf("it has more than %d MB", maxMovedFile>>20)
)

func (m *Mover) moveFile(ctx context.Context, fs *filesystem.System, c *Class, f missingFile) error {
	data, err := m.fetch(ctx, f)
	if err != nil {
		return err
	}
	sum := md5.Sum(data) //nolint:gosec // likewise
	switch {
	case f.MD5 != "" && !strings.EqualFold(f.MD5, hex.EncodeToString(sum[:])):
		return errChecksum
	case f.Size > 0 && f.Size != int64(len(data)):
		return errSize
	}
	file, err := filesystem.NewFileFromBytes(data, cmp.Or(f.Name, "file"))
	if err != nil {
		return err
	}
	// note: the same name in every run, so that a kill between the upload and the row leaves nothing behind
	name := f.ID + strings.ToLower(path.Ext(file.Name))
	if err := fs.UploadFile(file, c.id+"/"+f.ID+"/"+name); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	_, err = m.App.NonconcurrentDB().Update(c.Collection, dbx.Params{"file": name}, dbx.HashExp{"id": f.ID}).Execute()
	return err
}

// fetch reads a file from the web, or from the folder for one of CloudBase.
func (m *Mover) fetch(ctx context.Context, f missingFile) ([]byte, error) {
	if rest, ok := strings.CutPrefix(f.URL, "cloud://"); ok {
		return m.fetchCloud(rest)
	}
	at, err := url.Parse(f.URL)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" {
		return nil, errors.New("it has no address on the web")
	}
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return nil, err
	}
	answer, err := cmp.Or(m.Files.Client, http.DefaultClient).Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", answer.Status)
	}
	return readAtMost(answer.Body)
}

func (m *Mover) fetchCloud(rest string) ([]byte, error) {
	if m.Files.Folder == "" {
		return nil, errors.New("it lies in CloudBase: download its storage and name the folder by --files")
	}
	_, name, _ := strings.Cut(rest, "/") // after the environment and its bucket
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, errors.New("its path leaves the folder")
	}
	file, err := os.OpenInRoot(m.Files.Folder, filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return readAtMost(file)
}

func readAtMost(in io.Reader) ([]byte, error) {
	var data bytes.Buffer
	n, err := io.Copy(&data, io.LimitReader(in, maxMovedFile+1))
	if err == nil && n > maxMovedFile {
		err = errTooLarge
	}
	return data.Bytes(), err
}

// withoutURL drops the address from an error, because addresses of storage are signed.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
