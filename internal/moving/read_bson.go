package moving

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxBSON is the largest document that MongoDB stores, in bytes.
const maxBSON = 16 << 20

// readBSON takes what mongodump writes: documents one after the other.
func readBSON(in io.Reader, yield func(object) error) error {
	for n := 1; ; n++ {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
		length := binary.LittleEndian.Uint32(size[:])
		if length < 5 || length > maxBSON {
			return fmt.Errorf("document %d: %d bytes is no size of a BSON document", n, length)
		}
		doc := make([]byte, length)
		copy(doc, size[:])
		if _, err := io.ReadFull(in, doc[4:]); err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
		o, err := fromBSON(doc)
		if err == nil {
			err = yield(o)
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
	}
}

func fromBSON(doc bson.Raw) (object, error) {
	if err := doc.Validate(); err != nil {
		return nil, err
	}
	elements, err := doc.Elements()
	if err != nil {
		return nil, err
	}
	o := object{}
	for _, e := range elements {
		v, err := fromValue(e.Value())
		if err != nil {
			return nil, err
		}
		key, v := leanKey(e.Key(), v)
		o[key] = v
	}
	return o, nil
}

// leanKey reads the two ways in which a database writes a pointer: a DBRef, and the column "_p_KEY" with "Class$id".
func leanKey(key string, v any) (string, any) {
	if ref, ok := v.(object); ok && ref["$ref"] != nil && ref["$id"] != nil {
		return key, object{"__type": "Pointer", "className": ref["$ref"], "objectId": ref["$id"]}
	}
	class, id, ok := strings.Cut(textOf(v), "$")
	if name, found := strings.CutPrefix(key, "_p_"); found && ok {
		return name, object{"__type": "Pointer", "className": class, "objectId": id}
	}
	return key, v
}

func fromValue(v bson.RawValue) (any, error) {
	switch v.Type { //nolint:exhaustive // the rest, which LeanCloud does not write, is kept as text
	case bson.TypeString:
		return v.StringValue(), nil
	case bson.TypeInt32:
		return json.Number(strconv.FormatInt(int64(v.Int32()), 10)), nil
	case bson.TypeInt64:
		return json.Number(strconv.FormatInt(v.Int64(), 10)), nil
	case bson.TypeDouble:
		text := strconv.FormatFloat(v.Double(), 'g', -1, 64)
		if !isNumber(text) {
			return text, nil // NaN and the infinities, which JSON does not know
		}
		return json.Number(text), nil
	case bson.TypeBoolean:
		return v.Boolean(), nil
	case bson.TypeDateTime:
		return object{"__type": "Date", "iso": v.Time().UTC().Format(time.RFC3339Nano)}, nil
	case bson.TypeObjectID:
		return v.ObjectID().Hex(), nil
	case bson.TypeNull, bson.TypeUndefined:
		return nil, nil
	case bson.TypeBinary:
		_, data := v.Binary()
		return object{"__type": "Bytes", "base64": base64.StdEncoding.EncodeToString(data)}, nil
	case bson.TypeEmbeddedDocument:
		return fromBSON(v.Document())
	case bson.TypeArray:
		return fromArray(v.Array())
	}
	return v.String(), nil // extended JSON, as text
}

func fromArray(array bson.RawArray) (any, error) {
	values, err := array.Values()
	if err != nil {
		return nil, err
	}
	all := make([]any, 0, len(values))
	for _, e := range values {
		v, err := fromValue(e)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
