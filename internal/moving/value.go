package moving

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Kind is the type of a value, and of the field that takes it.
type Kind string

// The kinds. A key whose rows disagree becomes JSON.
const (
	KindText     Kind = "text"
	KindNumber   Kind = "number"
	KindBool     Kind = "bool"
	KindDate     Kind = "date"
	KindJSON     Kind = "json"
	KindGeo      Kind = "geoPoint"
	KindPointer  Kind = "relation"
	KindPointers Kind = "relations"
	KindFile     Kind = "file"
	KindBytes    Kind = "bytes" // base64 in a text field
)

// Pointer refers to a row of a class.
type Pointer struct{ Class, ID string }

// Relation is a set of rows that the export lists elsewhere, in a join table.
type Relation struct{ Class string }

// Geo is a point in degrees.
type Geo struct {
	Lon float64 `json:"lon"`
	Lat float64 `json:"lat"`
}

// Bytes are kept in base64.
type Bytes string

// File is a file that the other service stores.
type File struct {
	ID, Name, URL, MIME, MD5 string
	Size                     int64
}

// kindOf tells the kind of a value and the class it points to.
func kindOf(v any) (Kind, string) {
	switch v := v.(type) {
	case string:
		return KindText, ""
	case json.Number:
		return KindNumber, ""
	case bool:
		return KindBool, ""
	case time.Time:
		return KindDate, ""
	case Geo:
		return KindGeo, ""
	case Pointer:
		return KindPointer, v.Class
	case []Pointer:
		return KindPointers, v[0].Class
	case Relation:
		return KindPointers, v.Class
	case File:
		return KindFile, ""
	case Bytes:
		return KindBytes, ""
	}
	return KindJSON, ""
}

// typed turns a decoded value of LeanCloud, or of Mongo's extended JSON, into one of the types above. What it does not know stays as it is
// and becomes JSON.
func typed(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return typedObject(v)
	case []any:
		if all := pointersOf(v); all != nil {
			return all
		}
	}
	return v
}

func typedObject(v map[string]any) any {
	switch v["__type"] {
	case "Date":
		if at, ok := timeOf(v["iso"]); ok {
			return at
		}
	case "Pointer":
		if p, ok := pointerOf(v); ok {
			return p
		}
	case "Object": // a pointer that was fetched with its row
		if p, ok := pointerOf(v); ok {
			return p
		}
	case "Relation":
		return Relation{Class: textOf(v["className"])}
	case "GeoPoint":
		return Geo{Lon: numberOf(v["longitude"]), Lat: numberOf(v["latitude"])}
	case "Bytes":
		if _, err := base64.StdEncoding.DecodeString(textOf(v["base64"])); err == nil {
			return Bytes(textOf(v["base64"]))
		}
	case "File":
		return fileOf(v)
	}
	return extended(v)
}

// extended reads Mongo's extended JSON and GeoJSON.
func extended(v map[string]any) any {
	if len(v) == 1 {
		if at, ok := timeOf(v["$date"]); ok {
			return at
		}
		for _, key := range []string{"$numberLong", "$numberInt", "$numberDouble", "$numberDecimal"} {
			if text, ok := v[key].(string); ok && isNumber(text) {
				return json.Number(text)
			}
		}
		if id, ok := v["$oid"].(string); ok {
			return id
		}
	}
	if at, ok := v["coordinates"].([]any); ok && v["type"] == "Point" && len(at) == 2 {
		return Geo{Lon: numberOf(at[0]), Lat: numberOf(at[1])}
	}
	return v
}

// isNumber tells whether text may stand in JSON as a number; NaN may not.
func isNumber(text string) bool {
	return json.Valid([]byte(text)) && text != "" && strings.ContainsAny(text[:1], "-0123456789")
}

func pointerOf(v map[string]any) (Pointer, bool) {
	p := Pointer{Class: textOf(v["className"]), ID: textOf(v["objectId"])}
	return p, p.Class != "" && p.ID != "" && p.Class != "_File"
}

// pointersOf returns nil unless every element points to the same class.
func pointersOf(v []any) []Pointer {
	var all []Pointer
	for _, e := range v {
		object, ok := e.(map[string]any)
		if !ok || object["__type"] != "Pointer" {
			return nil
		}
		p, ok := pointerOf(object)
		if !ok || len(all) > 0 && all[0].Class != p.Class {
			return nil
		}
		all = append(all, p)
	}
	return all
}

func fileOf(v map[string]any) File {
	meta, _ := v["metaData"].(map[string]any)
	f := File{
		ID: textOf(v["objectId"]), Name: textOf(v["name"]), URL: textOf(v["url"]), MIME: textOf(v["mime_type"]), MD5: textOf(meta["_checksum"]),
		Size: int64(numberOf(meta["size"])),
	}
	if f.ID == "" {
		f.ID = textOf(v["id"])
	}
	if f.ID == "" {
		f.ID = shortID("file", f.URL)
	}
	return f
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}

func numberOf(v any) float64 {
	if object, ok := v.(map[string]any); ok {
		v = extended(object)
	}
	n, _ := v.(json.Number)
	f, _ := n.Float64()
	return f
}

// timeOf reads ISO text, milliseconds since 1970, and either within {"$date": …} or {"__type": "Date"}.
func timeOf(v any) (time.Time, bool) {
	switch v := v.(type) {
	case string:
		at, err := time.Parse(time.RFC3339Nano, v)
		return at.UTC(), err == nil
	case json.Number:
		ms, err := v.Int64()
		return time.UnixMilli(ms).UTC(), err == nil
	case map[string]any:
		switch at := typedObject(v).(type) {
		case time.Time:
			return at, true
		case json.Number:
			return timeOf(at)
		}
	}
	return time.Time{}, false
}
