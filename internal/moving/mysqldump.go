package moving

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Dump is a file that mysqldump wrote, with its INSERT statements.
type Dump struct {
	path    string
	columns map[string][]string // by table, from CREATE TABLE
}

// OpenDump reads which tables there are.
func OpenDump(path string) (*Dump, error) {
	d := &Dump{path: path, columns: map[string][]string{}}
	err := d.statements(func(s string) error {
		s = uncommented(s)
		if table, rest, ok := tableOf(s, "CREATE TABLE"); ok {
			d.columns[table] = columnsOf(rest)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read dump: %w", err)
	}
	if len(d.columns) == 0 {
		return nil, fmt.Errorf("there is no CREATE TABLE in %s: make it by mysqldump without --no-create-info", path)
	}
	return d, nil
}

// Classes lists the tables.
func (d *Dump) Classes() []string {
	return slices.Sorted(maps.Keys(d.columns))
}

// Objects reads the rows of a table; every value is a text.
func (d *Dump) Objects(table string, yield func(object) error) error {
	return d.statements(func(s string) error {
		name, rest, ok := tableOf(uncommented(s), "INSERT INTO")
		if !ok || name != table {
			return nil
		}
		columns := d.columns[table]
		if list, values, ok := strings.Cut(rest, "VALUES"); ok {
			if named := namesIn(list); len(named) > 0 {
				columns = named
			}
			rest = values
		}
		return tuples(rest, func(values []*string) error {
			if len(values) != len(columns) {
				return fmt.Errorf("table %s: got %d values for %d columns", table, len(values), len(columns))
			}
			o := object{}
			for i, v := range values {
				if v != nil {
					o[columns[i]] = *v
				}
			}
			return yield(o)
		})
	})
}

// maxStatement is the most bytes of one statement; MySQL's own limit is 1 GiB, mysqldump makes 1 MiB.
const maxStatement = 256 << 20

// statements calls yield for each statement, cut at semicolons outside of quotes.
func (d *Dump) statements(yield func(string) error) error {
	file, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	in := io.Reader(file)
	if strings.HasSuffix(d.path, ".gz") {
		if in, err = gzip.NewReader(file); err != nil {
			return err
		}
	}
	reader, quote, escaped := bufio.NewReaderSize(in, 1<<20), byte(0), false
	var s []byte
	for {
		b, err := reader.ReadByte()
		if err == io.EOF {
			return yield(string(s))
		}
		if err != nil {
			return err
		}
		switch {
		case escaped:
			escaped = false
		case quote != 0 && b == '\\' && quote != '`':
			escaped = true
		case quote != 0 && b == quote:
			quote = 0
		case quote == 0 && b == '-' && len(strings.TrimSpace(string(tail(s)))) == 0 && nextIs(reader, '-'):
			if _, err := reader.ReadString('\n'); err != nil {
				return yield(string(s))
			}
			continue
		case quote == 0 && (b == '\'' || b == '"' || b == '`'):
			quote = b
		case quote == 0 && b == ';':
			if err := yield(string(s)); err != nil {
				return err
			}
			s = s[:0]
			continue
		}
		if s = append(s, b); len(s) > maxStatement {
			return fmt.Errorf("a statement has more than %d MB", maxStatement>>20)
		}
	}
}

// tail is the line so far.
func tail(s []byte) []byte {
	return s[bytes.LastIndexByte(s, '\n')+1:]
}

func nextIs(r *bufio.Reader, want byte) bool {
	b, err := r.Peek(1)
	return err == nil && b[0] == want
}

// uncommented drops what mysqldump puts before a statement.
func uncommented(s string) string {
	s = strings.TrimSpace(s)
	for strings.HasPrefix(s, "/*") {
		_, rest, ok := strings.Cut(s, "*/")
		if !ok {
			return ""
		}
		s = strings.TrimSpace(rest)
	}
	return s
}

func tableOf(s, verb string) (table, rest string, ok bool) {
	if len(s) < len(verb) || !strings.EqualFold(s[:len(verb)], verb) {
		return "", "", false
	}
	s = strings.TrimSpace(s[len(verb):])
	if len(s) > 13 && strings.EqualFold(s[:13], "IF NOT EXISTS") {
		s = strings.TrimSpace(s[13:])
	}
	end := strings.IndexAny(s, " (\n")
	if strings.HasPrefix(s, "`") {
		end = strings.IndexByte(s[1:], '`') + 2
	}
	if end <= 1 {
		return "", "", false
	}
	return strings.Trim(s[:end], "`"), s[end:], true
}

// columnsOf reads the names at the start of each line of a CREATE TABLE, which mysqldump quotes.
func columnsOf(body string) []string {
	var all []string
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "("))
		if rest, ok := strings.CutPrefix(line, "`"); ok {
			name, _, _ := strings.Cut(rest, "`")
			all = append(all, name)
		}
	}
	return all
}

func namesIn(list string) []string {
	var all []string
	for part := range strings.SplitSeq(strings.Trim(strings.TrimSpace(list), "()"), ",") {
		if name := strings.Trim(strings.TrimSpace(part), "`"); name != "" {
			all = append(all, name)
		}
	}
	return all
}

// tuples reads "(1,'a',NULL),(2,'b',3)"; nil stands for NULL.
func tuples(s string, yield func([]*string) error) error {
	var row []*string
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '(':
			row, i = nil, i+1
		case c == ')':
			if err := yield(row); err != nil {
				return err
			}
			i++
		case c == '\'':
			text, n := unquote(s[i:])
			row, i = append(row, &text), i+n
		case strings.IndexByte(", \r\n\t", c) >= 0:
			i++
		default:
			end := strings.IndexAny(s[i:], ",)")
			if end < 0 {
				return fmt.Errorf("values end at %q", s[i:min(len(s), i+20)])
			}
			if text := strings.TrimSpace(s[i : i+end]); strings.EqualFold(text, "NULL") {
				row = append(row, nil)
			} else {
				row = append(row, &text)
			}
			i += end
		}
	}
	return nil
}

var mysqlEscapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '0': 0, 'Z': 26, 'b': '\b'}

// unquote reads a quoted text and returns its length in bytes.
func unquote(s string) (string, int) {
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if plain, ok := mysqlEscapes[s[i]]; ok {
				text.WriteByte(plain)
			} else {
				text.WriteByte(s[i])
			}
		case c == '\'' && i+1 < len(s) && s[i+1] == '\'':
			text.WriteByte('\'')
			i++
		case c == '\'':
			return text.String(), i + 1
		default:
			text.WriteByte(c)
		}
	}
	return text.String(), len(s)
}
