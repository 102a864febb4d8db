package answer

// One way to read a body. Its bytes decide what it is, not its Content-Type: curl calls JSON a form, and old phones
// call it text. A body is one JSON object or empty; anything else is refused as a whole.
//
// Lenient routes ignore unknown fields and accept a number inside a string, so that old and new clients work together.
// Strict ones, which move money or stock, refuse both: a misspelt `amount` must not fall back to a default amount. Both
// refuse a repeated field, because readers differ in which of the two they use.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/router"
)

// wholeNumber is a number inside a string that a lenient route accepts.
var wholeNumber = regexp.MustCompile(`^"-?(0|[1-9][0-9]{0,17})"$`)

// ReadBody reads a JSON object, whatever the Content-Type says, into a pointer to a struct. An empty body leaves the struct as it is.
func ReadBody(e *core.RequestEvent, into any) error {
	return bodyReader{}.read(e, into)
}

// ReadStrict is ReadBody for routes that move money or stock: it refuses unknown fields, nulls and numbers inside
// strings, by name.
func ReadStrict(e *core.RequestEvent, into any) error {
	return bodyReader{strict: true}.read(e, into)
}

// ReadByRank is strict with superusers and staff, who set amounts, and lenient with phones, whose clients may be old.
func ReadByRank(e *core.RequestEvent, into any) error {
	staff := e.Auth != nil && e.Auth.Collection().Name == "wx_staff"
	return bodyReader{strict: staff || e.HasSuperuserAuth()}.read(e, into)
}

// ReadNothing is for routes without a body. It refuses a body, because the caller expects more than the route does.
func ReadNothing(e *core.RequestEvent) error {
	return ReadByRank(e, &struct{}{})
}

// ReadUpload is ReadBody for the routes that wx.uploadFile calls too: it sends multipart, which begins with two dashes.
func ReadUpload(e *core.RequestEvent, into any) error {
	if kind, _, _ := mime.ParseMediaType(e.Request.Header.Get("Content-Type")); kind != "multipart/form-data" || e.Request.Body == nil {
		return ReadBody(e, into)
	}
	body := bufio.NewReader(e.Request.Body) // note: the first bytes are enough; an upload is not read into memory
	e.Request.Body = &router.RereadableReadCloser{ReadCloser: bufferedBody{body, e.Request.Body}}
	if start, _ := body.Peek(2); string(start) != "--" {
		return ReadBody(e, into)
	}
	if err := e.BindBody(into); err != nil {
		return Or(err, NotJSON)
	}
	return nil
}

type bufferedBody struct {
	io.Reader
	io.Closer
}

type bodyReader struct {
	strict bool
}

func (r bodyReader) read(e *core.RequestEvent, into any) error {
	raw, err := wholeBody(e)
	if err != nil {
		return err
	}
	return r.decode(e, raw, into)
}

// wholeBody reads the body. PocketBase answers a long one with 413.
func wholeBody(e *core.RequestEvent) ([]byte, error) {
	if e.Request.Body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(e.Request.Body)
	if err != nil {
		return nil, Or(err, NotJSON)
	}
	return raw, nil
}

func (r bodyReader) decode(e *core.RequestEvent, raw []byte, into any) error {
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	if len(raw) == 0 {
		e.Request.Header.Del("Content-Type") // note: PocketBase rejects an empty form
		e.Request.ContentLength = 0
		return nil
	}
	if raw[0] != '{' || !utf8.Valid(raw) || !json.Valid(raw) {
		return Fail(NotJSON, nil)
	}
	known, err := r.known(raw, reflect.TypeOf(into).Elem(), "")
	if err != nil {
		return err
	}
	// note: later readers of the body, such as a rule with @request.body, read the same as we did
	e.Request.Header.Set("Content-Type", "application/json")
	e.Request.Body = &router.RereadableReadCloser{ReadCloser: io.NopCloser(bytes.NewReader(raw))}
	if err := json.Unmarshal(known, into); err != nil {
		return Fail(NotJSON, err)
	}
	return nil
}

// known returns the part of a value that the type can hold, or the refusal that names the field.
func (r bodyReader) known(raw json.RawMessage, t reflect.Type, path string) (json.RawMessage, error) {
	if t.Kind() == reflect.Pointer {
		if string(raw) == "null" && !r.strict {
			return raw, nil
		}
		t = t.Elem()
	}
	reads := reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
	switch {
	case reads || string(raw) == "null" && !r.strict:
		return r.leaf(raw, t, path)
	case t.Kind() == reflect.Struct && raw[0] == '{':
		return r.object(raw, path, fieldTypes(t))
	case t.Kind() == reflect.Map && raw[0] == '{':
		return r.object(raw, path, func(string) (reflect.Type, bool) { return t.Elem(), true })
	case t.Kind() == reflect.Slice && raw[0] == '[':
		return r.list(raw, t.Elem(), path)
	default:
		return r.leaf(raw, t, path)
	}
}

// leaf reads a value without looking into it.
func (r bodyReader) leaf(raw json.RawMessage, t reflect.Type, path string) (json.RawMessage, error) {
	number := t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64
	if number && !r.strict && wholeNumber.Match(raw) {
		raw = raw[1 : len(raw)-1]
	}
	if string(raw) == "null" && r.strict && t != reflect.TypeFor[json.RawMessage]() {
		return nil, Field(FieldInvalid, path, "null is no value; leave the field out")
	}
	if err := json.Unmarshal(raw, reflect.New(t).Interface()); err != nil {
		return nil, Field(FieldInvalid, path, "want "+kindName(t))
	}
	return raw, nil
}

func (r bodyReader) object(raw json.RawMessage, path string, typeOf func(string) (reflect.Type, bool)) (json.RawMessage, error) {
	kept := map[string]json.RawMessage{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	_, _ = decoder.Token() // skip the brace: the JSON is known to be valid
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, Fail(NotJSON, err)
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, Fail(NotJSON, err)
		}
		if err := r.member(kept, name, value, path, typeOf); err != nil {
			return nil, err
		}
	}
	return json.Marshal(kept)
}

func (r bodyReader) member(kept map[string]json.RawMessage, name string, value json.RawMessage, path string, typeOf func(string) (reflect.Type, bool)) error {
	t, ok := typeOf(name)
	at := strings.TrimPrefix(path+"."+name, ".")
	_, twice := kept[name]
	switch {
	case !ok && !r.strict:
		return nil
	case !ok:
		return Field(FieldUnknown, at, "")
	case twice:
		return Field(FieldRepeated, at, "")
	}
	known, err := r.known(value, t, at)
	kept[name] = known
	return err
}

func (r bodyReader) list(raw json.RawMessage, t reflect.Type, path string) (json.RawMessage, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, Fail(NotJSON, err)
	}
	for i, item := range items {
		known, err := r.known(item, t, path+"["+strconv.Itoa(i)+"]")
		if err != nil {
			return nil, err
		}
		items[i] = known
	}
	return json.Marshal(items)
}

// fieldTypes finds a field of a struct by its exact json tag; encoding/json would accept "AMOUNT" for "amount".
func fieldTypes(t reflect.Type) func(string) (reflect.Type, bool) {
	types := map[string]reflect.Type{}
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			types[name] = f.Type
		}
	}
	return func(name string) (reflect.Type, bool) { found, ok := types[name]; return found, ok }
}

func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	default:
		return "a whole number"
	}
}
