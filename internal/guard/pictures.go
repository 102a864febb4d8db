package guard

// Pictures are checked twice. When a file is saved into any collection, by a person, a program or the dashboard, its header must not say
// more pixels or frames than are allowed. And before PocketBase makes a thumb the stored file is looked at again, because it may be older
// than this check, or have come into the folder by another way.

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/hook"
	"golang.org/x/sync/semaphore"

	"wxbase/internal/answer"
	"wxbase/internal/limit"
	"wxbase/internal/picture"
)

const (
	thumbWait     = 15 * time.Second // how long a request waits for its turn to make a thumb
	thumbVerdicts = 4096             // stored files whose size is remembered
	usualThumb    = "100x100"        // PocketBase makes this one of every picture
)

// pictures checks pictures, and bounds how many pixels are decoded at a time.
type pictures struct {
	app      core.App
	limits   picture.Limits
	turns    *semaphore.Weighted // in pixels
	verdicts *expirable.LRU[string, pictureVerdict]
}

// pictureVerdict is what is remembered of a stored file, whose name is never used twice.
type pictureVerdict struct {
	size picture.Size
	err  error
}

func newPictures(app core.App, l limit.Limits) *pictures {
	pixels := int64(l.ImageMegapixels) * 1_000_000
	return &pictures{
		app:    app,
		limits: picture.Limits{Pixels: pixels, Frames: l.ImageFrames, FramePixels: 8 * pixels},
		turns:  semaphore.NewWeighted(pixels),
		// note: no time to live, because a stored file does not change
		verdicts: expirable.NewLRU[string, pictureVerdict](thumbVerdicts, nil, 0),
	}
}

// bind runs before PocketBase's own validation, and for records that are saved without it too.
func (c *pictures) bind() {
	check := &hook.Handler[*core.RecordEvent]{Id: "wxPictures", Func: func(e *core.RecordEvent) error {
		if err := c.checkRecord(e.Record); err != nil {
			return err
		}
		return e.Next()
	}}
	c.app.OnRecordCreate().Bind(check)
	c.app.OnRecordUpdate().Bind(check)
	c.app.OnFileDownloadRequest().Bind(&hook.Handler[*core.FileDownloadRequestEvent]{Id: "wxThumbTurn", Func: endThumbTurn})
	c.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxThumbs", Func: func(e *core.ServeEvent) error {
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxThumbs", Func: c.guardThumb})
		return e.Next()
	}})
}

// checkRecord looks at every new file of a record.
func (c *pictures) checkRecord(r *core.Record) error {
	for _, field := range r.Collection().Fields {
		f, ok := field.(*core.FileField)
		if !ok {
			continue
		}
		for _, file := range r.GetUnsavedFiles(f.GetName()) {
			if err := c.checkFile(file, f.Thumbs); err != nil {
				return validation.Errors{f.GetName(): validation.NewError(answer.ImageRefused.Code, answer.ImageRefused.EN)}
			}
		}
	}
	return nil
}

// checkFile accepts files other than pictures: they are not decoded here.
func (c *pictures) checkFile(file *filesystem.File, thumbs []string) error {
	reader, err := file.Reader.Open()
	if err != nil {
		return fmt.Errorf("open upload: %w", err)
	}
	defer func() { _ = reader.Close() }()
	size, err := picture.Inspect(reader, c.limits)
	if errors.Is(err, picture.ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.fits(size, append(slices.Clone(thumbs), usualThumb))
}

// fits tells whether all of the thumbs can be made.
func (c *pictures) fits(size picture.Size, thumbs []string) error {
	for _, thumb := range thumbs {
		if err := size.Thumb(thumb, c.limits.Pixels); err != nil {
			return err
		}
	}
	return nil
}

// thumbTurn is the key of the function that ends a request's turn.
const thumbTurn = "wxThumbTurn"

// guardThumb refuses thumbs of pictures that are too large, and lets only so many pixels be decoded at a time.
func (c *pictures) guardThumb(e *core.RequestEvent) error {
	thumb := e.Request.URL.Query().Get("thumb")
	if thumb == "" || !strings.HasPrefix(e.Request.URL.Path, "/api/files/") {
		return e.Next()
	}
	stored, thumbs := storedFile(e)
	if !slices.Contains(thumbs, thumb) {
		return e.Next() // the file is missing, or PocketBase makes no such thumb of it
	}
	fsys, err := e.App.NewFilesystem()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	defer func() { _ = fsys.Close() }()
	size, err := c.inspect(fsys, stored)
	if err == nil {
		err = size.Thumb(thumb, c.limits.Pixels)
	}
	if errors.Is(err, picture.ErrTooLarge) || errors.Is(err, picture.ErrFrames) || errors.Is(err, picture.ErrTooNarrow) {
		return answer.Fail(answer.ImageRefused, err)
	}
	made := path.Dir(stored) + "/thumbs_" + path.Base(stored) + "/" + thumb + "_" + path.Base(stored)
	if there, _ := fsys.Exists(made); there || err != nil { // what cannot be read costs nothing
		return e.Next()
	}
	return c.inTurn(e, size)
}

// storedFile is the path of the file that a request asks for, and the thumbs that PocketBase would make of it. A view shows a file of
// another collection, under the same name.
func storedFile(e *core.RequestEvent) (stored string, thumbs []string) {
	r, err := e.App.FindRecordById(e.Request.PathValue("collection"), e.Request.PathValue("recordId"))
	if err != nil {
		return "", nil
	}
	name := e.Request.PathValue("filename")
	field := r.FindFileFieldByFile(name)
	if field == nil {
		return "", nil
	}
	if r.Collection().IsView() {
		if r, err = e.App.FindRecordByViewFile(r.Collection().Id, field.Name, name); err != nil {
			return "", nil
		}
	}
	return r.BaseFilesPath() + "/" + name, append(slices.Clone(field.Thumbs), usualThumb)
}

// inspect remembers what it has found, refusals too.
func (c *pictures) inspect(fsys *filesystem.System, stored string) (picture.Size, error) {
	if v, ok := c.verdicts.Get(stored); ok {
		return v.size, v.err
	}
	reader, err := fsys.GetReader(stored)
	if err != nil {
		return picture.Size{}, fmt.Errorf("open picture: %w", err)
	}
	defer func() { _ = reader.Close() }()
	var v pictureVerdict
	v.size, v.err = picture.Inspect(reader, c.limits)
	c.verdicts.Add(stored, v)
	return v.size, v.err
}

// inTurn waits until the pixels may be decoded. The turn ends when the thumb is made, before it is sent, so that a slow
// client does not delay others.
func (c *pictures) inTurn(e *core.RequestEvent, size picture.Size) error {
	weight := max(1, min(size.Pixels(), c.limits.Pixels))
	ctx, cancel := context.WithTimeout(e.Request.Context(), thumbWait)
	defer cancel()
	if err := c.turns.Acquire(ctx, weight); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	end := sync.OnceFunc(func() { c.turns.Release(weight) })
	defer end()
	e.Set(thumbTurn, end)
	return e.Next()
}

func endThumbTurn(e *core.FileDownloadRequestEvent) error {
	if end, ok := e.Get(thumbTurn).(func()); ok {
		end()
	}
	return e.Next()
}
