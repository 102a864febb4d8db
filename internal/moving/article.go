package moving

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
)

// readCSV takes what MySQL's clients export: a line of names, then the rows. NULL and \N are no value.
func readCSV(in io.Reader, yield func(object) error) error {
	reader := csv.NewReader(in)
	names, err := reader.Read()
	if err != nil {
		return fmt.Errorf("read the line of names: %w", err)
	}
	names[0] = strings.TrimPrefix(names[0], "\ufeff")
	for {
		values, err := reader.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		o := object{}
		for i, v := range values {
			if v != "NULL" && v != `\N` {
				o[names[i]] = v
			}
		}
		if err := yield(o); err != nil {
			return err
		}
	}
}

// Tables is where the rows of a MySQL database are read from.
type Tables interface {
	Classes() []string
	Objects(table string, yield func(object) error) error
}

// Article is the shop of the article: its tables as CSV files or a mysqldump. The user is found by openid; an order
// becomes history in a separate collection and never one of our orders, because its payment cannot be verified here.
type Article struct{ Tables Tables }

// Label is "article".
func (Article) Label() string { return "article" }

// Prefix is "old_".
func (Article) Prefix() string { return "old_" }

// People is the table of users.
func (Article) People() string { return "users" }

// Classes lists the tables.
func (a Article) Classes() ([]string, error) { return a.Tables.Classes(), nil }

// Rows reads a table.
func (a Article) Rows(table string, yield func(Row) error) error {
	return a.Tables.Objects(table, func(o object) error { return yield(articleRow(table, o)) })
}

func articleRow(table string, o object) Row {
	row := Row{ID: textOf(o["id"]), Created: mysqlTime(o["created_at"]), Updated: mysqlTime(o["updated_at"]), Fields: map[string]any{}}
	if table == "users" {
		row.Person = &Person{Name: textOf(o["nickname"]), OpenID: textOf(o["openid"]), UnionID: textOf(o["unionid"]), Password: NoPassword}
		if textOf(o["phone"]) != "" {
			row.Lost = append(row.Lost, "phone numbers that WeChat has not verified here")
		}
	}
	if owner := textOf(o["user_id"]); owner != "" && table != "users" {
		row.ACL = ACL{owner: {Read: true}}
	}
	for key, v := range o {
		switch text := textOf(v); {
		case key == "id" || key == "created_at" || key == "updated_at" || key == "session_key":
		case row.Person != nil && (key == "openid" || key == "unionid" || key == "nickname" || key == "phone"):
		case key == "user_id" && text != "":
			row.Fields["user"] = Pointer{Class: "users", ID: text}
		case strings.HasSuffix(key, "_price") || key == "price" || strings.HasSuffix(key, "_amount"):
			row.Fields[key] = fenOf(text)
		case strings.HasSuffix(key, "_at"):
			if at := mysqlTime(v); !at.IsZero() {
				row.Fields[key] = at
			}
		case strings.HasSuffix(key, "_status") || key == "quantity" || key == "stock":
			row.Fields[key] = json.Number(text)
			if !isNumber(text) {
				row.Fields[key] = text
			}
		default:
			row.Fields[key] = text
		}
	}
	return row
}

// fenOf turns yuan with two decimals into fen; another text stays.
func fenOf(text string) any {
	yuan, ok := new(big.Rat).SetString(text)
	if !ok || strings.ContainsAny(text, "/eE") {
		return text
	}
	fen := yuan.Mul(yuan, big.NewRat(100, 1))
	if !fen.IsInt() {
		return text
	}
	return json.Number(fen.Num().String())
}

// beijing is the time of the article's database.
var beijing = time.FixedZone("Asia/Shanghai", 8*3600)

func mysqlTime(v any) time.Time {
	at, err := time.ParseInLocation(time.DateTime, textOf(v), beijing)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
