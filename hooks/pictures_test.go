package hooks_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

// gifBomb says in 35 bytes that it has 4.3 billion pixels.
func gifBomb() []byte {
	return []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02\x4c\x01\x00;")
}

// pngOfSize is the first block of a PNG, which is all that is looked at.
func pngOfSize(width, height uint32) []byte {
	head := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)...)
	head = append(head, 8, 2, 0, 0, 0)
	return append(append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...), binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(head))...)
}

// gallery is a collection of an owner, into which everybody may put pictures.
func gallery(t *testing.T, app *apptest.App) *core.Collection {
	t.Helper()
	c := core.NewBaseCollection("gallery")
	everybody := ""
	c.CreateRule, c.UpdateRule, c.ViewRule = &everybody, &everybody, &everybody
	c.Fields.Add(&core.FileField{Name: "picture", MaxSelect: 3, MaxSize: 5 << 20, Thumbs: []string{"300x0"}})
	if err := app.Save(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestPictureUploads goes through every way in which a picture comes into a collection.
func TestPictureUploads(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	gallery(t, app)
	product := "/api/collections/products/records/" + app.Product("三鲜面")
	ways := []struct {
		name, method, path, token, field string
	}{
		{"avatar", http.MethodPost, "/api/wx/profile", person.Token, "avatar"},
		{"avatar by PocketBase's route", http.MethodPatch, "/api/collections/users/records/" + person.User, person.Token, "avatar"},
		{"image to be checked", http.MethodPost, "/api/wx/check/image", person.Token, "file"},
		{"the dashboard", http.MethodPatch, product, app.Superuser(), "image"},
		{"a collection of the owner", http.MethodPost, "/api/collections/gallery/records", "", "picture"},
	}
	pictures := []struct {
		name    string
		file    []byte
		refused bool
	}{
		{"a picture", jpegFile(t), false},
		{"35 bytes", gifBomb(), true},
		{"a large PNG", pngOfSize(20_000, 16_000), true},
		{"a strip", pngOfSize(1, 65_535), true},
	}
	for _, way := range ways {
		for _, s := range pictures {
			step(t, way.name+" "+s.name, func(t *testing.T) {
				got := sendFormBy(t, app, way.method, way.path, way.token, way.field, s.file, nil)
				if refused := strings.Contains(string(got.Body), `"image_refused"`); refused != s.refused || (got.Status < 400) == s.refused {
					t.Errorf("got %d %s, want refused: %v", got.Status, got.Body, s.refused)
				}
			})
		}
	}
}

// TestThumbOfOldPicture: a file that is there already, from before the check or by another way.
func TestThumbOfOldPicture(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	c := gallery(t, app)
	view := core.NewViewCollection("show")
	everybody := ""
	view.ViewRule, view.ViewQuery = &everybody, "SELECT id, picture FROM gallery"
	if err := app.Save(view); err != nil {
		t.Fatal(err)
	}
	scenarios := []struct {
		name, thumb string
		file        []byte
		status      int
	}{
		{"a picture", "100x100", jpegFile(t), 200},
		{"35 bytes", "100x100", gifBomb(), 422},
		{"35 bytes, a thumb of the field", "300x0", gifBomb(), 422},
		{"35 bytes, as it is", "", gifBomb(), 200},
		{"35 bytes, a thumb that nobody makes", "9x9", gifBomb(), 200},
		{"a strip", "300x0", pngOfSize(1, 65_535), 422},
		{"no picture", "100x100", []byte("price list"), 200},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			r := sendFormBy(t, app, http.MethodPost, "/api/collections/gallery/records", "", "picture", jpegFile(t), nil)
			record, err := app.FindRecordById("gallery", r.Text("id"))
			if err != nil {
				t.Fatal(err)
			}
			name := record.GetStringSlice("picture")[0]
			if err := os.WriteFile(filepath.Join(app.DataDir(), "storage", c.Id, record.Id, name), s.file, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, collection := range []string{"gallery", "show"} {
				path := "/api/files/" + collection + "/" + record.Id + "/" + name
				if s.thumb != "" {
					path += "?thumb=" + s.thumb
				}
				for range 2 { // the second is answered by what is remembered
					if got := app.Call(http.MethodGet, path, "", nil); got.Status != s.status || s.status == 422 && got.Code() != "image_refused" {
						t.Errorf("%s: got %d %.200s, want %d", collection, got.Status, got.Body, s.status)
					}
				}
			}
		})
	}
	made := app.Call(http.MethodGet, "/api/files/gallery/x/y.png?thumb=100x100", "", nil)
	if made.Status != http.StatusNotFound {
		t.Errorf("a record that is not: got %d, want 404", made.Status)
	}
}

// TestThumbsInTurn: many people ask for thumbs that together have more pixels than may be decoded at a time.
func TestThumbsInTurn(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_IMAGE_MEGAPIXELS": "1"}[name] }
	})
	gallery(t, app)
	var paths []string
	for range 12 {
		r := sendFormBy(t, app, http.MethodPost, "/api/collections/gallery/records", "", "picture", largeJPEG(t, 900, 900), nil)
		names, _ := r.JSON["picture"].([]any)
		name, _ := names[0].(string)
		paths = append(paths, "/api/files/gallery/"+r.Text("id")+"/"+name+"?thumb=100x100")
	}
	roomtest.AtOnce(len(paths), func(i int) {
		got := app.Call(http.MethodGet, paths[i], "", nil)
		if got.Status != http.StatusOK || len(got.Body) == 0 || bytes.Equal(got.Body, largeJPEG(t, 900, 900)) {
			t.Errorf("thumb %d: got %d, %d bytes", i, got.Status, len(got.Body))
		}
	})
	if got := sendFormBy(t, app, http.MethodPost, "/api/collections/gallery/records", "", "picture", largeJPEG(t, 1100, 1000), nil); got.Status != 400 {
		t.Errorf("more than a million pixels: got %d, want 400", got.Status)
	}
}

func jpegFile(t *testing.T) []byte { return largeJPEG(t, 40, 30) }

func largeJPEG(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
