package moving

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pocketbase/pocketbase/core"
)

// fileClass is the class of files; its rows become records with the file itself.
const fileClass = "_File"

// Field is a key of a class and the field that takes it.
type Field struct {
	Key    string `json:"key"`
	Name   string `json:"name"` // Key, unless a field of ours has that name
	Kind   Kind   `json:"kind"`
	Target string `json:"target,omitempty"` // class, for relations
	Seen   int    `json:"seen"`             // rows that have a value
	Mixed  bool   `json:"mixed,omitempty"`  // rows disagree about the type, so that it is JSON
	Rough  int    `json:"rough,omitempty"`  // whole numbers beyond 2^53, which lose digits
}

// Class is a class, the collection that takes it, and what its rows have in common.
type Class struct {
	Name       string   `json:"class"`
	Collection string   `json:"collection"`
	Rows       int      `json:"rows"`
	Fields     []*Field `json:"fields"`
	Access     Access   `json:"access"`
	Rules      string   `json:"rules,omitempty"`  // in words, where Access does not make them
	NewIDs     int      `json:"newIds,omitempty"` // rows whose id cannot be kept

	byKey map[string]*Field
	id    string // of the collection
}

// Plan is what an import will do.
type Plan struct {
	Source    string         `json:"source"`
	Classes   []*Class       `json:"classes"`
	Passwords int            `json:"passwords"` // people who keep theirs
	WeChat    int            `json:"wechat"`    // people whom wx.login will find
	AppID     string         `json:"appid,omitempty"`
	Lost      map[string]int `json:"lost"`
	joins     []join
}

// join is a class of an export that lists the rows of a relation: "_Join:KEY:CLASS".
type join struct{ file, key, class string }

// MakePlan reads the whole export once. It writes nothing.
func MakePlan(app core.App, source Source, appID string) (*Plan, error) {
	names, err := source.Classes()
	if err != nil {
		return nil, err
	}
	p := &Plan{Source: source.Label(), AppID: appID, Lost: map[string]int{}}
	for _, name := range names {
		if key, class, ok := joinOf(name); ok {
			p.joins = append(p.joins, join{name, key, class})
			continue
		}
		class := &Class{Name: name, byKey: map[string]*Field{}, id: shortID(source.Label(), name)}
		if err := source.Rows(name, func(row Row) error { return p.look(class, row) }); err != nil {
			return nil, err
		}
		p.Classes = append(p.Classes, class)
	}
	if err := p.check(source); err != nil {
		return nil, err
	}
	p.addFiles(source)
	return p, p.name(app, source)
}

// joinOf reads the name of a join table.
func joinOf(name string) (key, class string, ok bool) {
	rest, ok := strings.CutPrefix(name, "_Join:")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, ":")
}

func (p *Plan) look(c *Class, row Row) error {
	if row.ID == "" {
		return fmt.Errorf("row %d of %s has no id: is this an export of %s?", c.Rows+1, c.Name, p.Source)
	}
	c.Rows++
	for key, v := range row.Fields {
		if c.Name != fileClass { // whose fields are those of addRules
			c.see(key, v)
		}
	}
	c.Access.see(row)
	if !plainID.MatchString(row.ID) {
		c.NewIDs++
	}
	if row.Person != nil {
		if row.Person.Password != "" && row.Person.Password != NoPassword {
			p.Passwords++
		}
		if row.Person.OpenID != "" {
			p.WeChat++
		}
	}
	for _, what := range row.Lost {
		p.Lost[what]++
	}
	return nil
}

func (c *Class) see(key string, v any) {
	kind, target := kindOf(v)
	f, ok := c.byKey[key]
	if !ok {
		f = &Field{Key: key, Kind: kind, Target: target}
		c.byKey[key] = f
		c.Fields = append(c.Fields, f)
	}
	f.Seen++
	f.Rough += roughness(v)
	emptyList := kind == KindJSON && f.Kind == KindPointers && isEmptyList(v)
	if f.Mixed || emptyList || kind == f.Kind && target == f.Target {
		return
	}
	if f.Kind == KindJSON && kind == KindPointers && f.Seen == 1 {
		f.Kind, f.Target = kind, target
		return
	}
	f.Kind, f.Target, f.Mixed = KindJSON, "", true
}

// check refuses what would only fail in the middle.
func (p *Plan) check(source Source) error {
	if p.WeChat > 0 && p.AppID == "" {
		return fmt.Errorf("the export of %s has %d users with an openid, and openids are per mini program: name it by --wechat-app-id", source.Label(), p.WeChat)
	}
	for _, c := range p.Classes {
		if c.Access.OpenIDs > 0 && p.AppID == "" {
			return fmt.Errorf("the rows of %s name their makers by openid, and openids are per mini program: name it by --wechat-app-id", c.Name)
		}
	}
	return nil
}

// addFiles plans the class of files where rows have files and the export has no such class.
func (p *Plan) addFiles(source Source) {
	for _, c := range p.Classes {
		for _, f := range c.Fields {
			if f.Kind == KindFile && p.Class(fileClass) == nil {
				p.Classes = append(p.Classes, &Class{Name: fileClass, byKey: map[string]*Field{}, id: shortID(source.Label(), fileClass)})
				return
			}
		}
	}
}

// Class finds a class by its name; nil when the export has none.
func (p *Plan) Class(name string) *Class {
	for _, c := range p.Classes {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Rows counts those of all classes.
func (p *Plan) Rows() (n int) {
	for _, c := range p.Classes {
		n += c.Rows
	}
	return n
}

// name decides what the collections and fields are called. A collection of an earlier run is known by its id, which is computed from the
// class, whatever its name is by now.
func (p *Plan) name(app core.App, source Source) error {
	all, err := app.FindAllCollections()
	if err != nil {
		return fmt.Errorf("list collections: %w", err)
	}
	taken := map[string]bool{}
	for _, c := range all {
		taken[strings.ToLower(c.Name)] = true
	}
	slices.SortStableFunc(p.Classes, func(a, b *Class) int { return cmp.Compare(a.Name, b.Name) })
	for _, c := range p.Classes {
		old := core.NewBaseCollection("")
		switch found := slices.IndexFunc(all, func(o *core.Collection) bool { return o.Id == c.id }); {
		case c.Name == source.People():
			old, err = app.FindCollectionByNameOrId("users")
			if err != nil {
				return err
			}
			c.Collection, c.id = "users", old.Id
		case found >= 0:
			old = all[found]
			c.Collection = old.Name
		default:
			c.Collection = freeName(c.Name, source.Prefix(), taken)
			taken[strings.ToLower(c.Collection)] = true
		}
		c.nameFields(source, old)
	}
	return nil
}

var notAWord = regexp.MustCompile(`\W`)

// freeName keeps a name that is free. LeanCloud's own classes begin with "_", which stays PocketBase's.
func freeName(name, prefix string, taken map[string]bool) string {
	clean := notAWord.ReplaceAllString(strings.TrimPrefix(name, "_"), "_")
	free := clean
	if strings.HasPrefix(name, "_") {
		free = prefix + strings.ToLower(clean)
	}
	for n := 1; taken[strings.ToLower(free)] || free == "" || strings.Contains(free, "_via_"); n++ {
		free = prefix + strings.ReplaceAll(clean, "_via_", "_via")
		if n > 1 {
			free = fmt.Sprint(free, n)
		}
	}
	return free
}

// reservedFields are names that PocketBase or this package uses in every collection.
var reservedFields = []string{
	"id", "created", "updated", "collectionid", "collectionname", "expand", "null", "true", "false", "_rowid_", "aclowner", "aclpublic", "acl",
	"password", "passwordconfirm", "oldpassword", "tokenkey", "email", "emailvisibility", "verified", "username", "objectid",
}

// nameFields knows the fields of an earlier run by their ids, as name does the collections.
func (c *Class) nameFields(source Source, old *core.Collection) {
	taken := map[string]bool{}
	for _, name := range reservedFields {
		taken[name] = true
	}
	for _, f := range old.Fields {
		taken[strings.ToLower(f.GetName())] = true
	}
	slices.SortFunc(c.Fields, func(a, b *Field) int { return cmp.Compare(a.Key, b.Key) })
	for _, f := range c.Fields {
		if known := old.Fields.GetById(c.fieldID(f.Key)); known != nil {
			f.Name = known.GetName()
			continue
		}
		f.Name = freeName(strings.TrimPrefix(f.Key, "_"), source.Prefix(), taken)
		taken[strings.ToLower(f.Name)] = true
	}
}

func (c *Class) fieldID(key string) string { return shortID(c.Name, "field", key) }

// LostNames lists what is lost, in a fixed order.
func (p *Plan) LostNames() []string { return slices.Sorted(maps.Keys(p.Lost)) }
