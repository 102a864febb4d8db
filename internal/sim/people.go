package sim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"wxbase/internal/sim/wire"
)

// person is the owner of a phone.
type person struct {
	ID          string    `json:"id"`
	Nickname    string    `json:"nickname"`
	Phone       string    `json:"phone"` // without the country's prefix
	CountryCode string    `json:"countryCode"`
	Avatar      string    `json:"avatar"`            // address of a picture; the made ones live under /_sim/avatars/
	Risky       bool      `json:"risky"`             // logins are refused with 40226
	UnionID     string    `json:"unionid,omitempty"` // set once the open platform asked for it
	MadeAt      time.Time `json:"madeAt"`
}

func (p person) Entity() (kind, id string) { return "person", p.ID }

// personTable holds the owners of phones.
type personTable struct{ people map[string]*person }

func (t *personTable) register(r *registry) { remember(r, "person", &t.people, nil) }

// firstPeople makes the three people of a new simulator.
func (s *Sim) firstPeople() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.state.people) > 0 {
		return nil
	}
	for _, in := range []personRequest{
		{Nickname: "小明", Phone: "13800138001"}, {Nickname: "小红", Phone: "13800138002"}, {Nickname: "老王", Phone: "13800138003"},
	} {
		if _, err := s.addPerson(in); err != nil {
			return err
		}
	}
	return nil
}

// personRequest is a person in the control API; omitted fields are invented or kept.
type personRequest struct {
	Nickname string `json:"nickname"`
	Phone    string `json:"phone"` // 13800138000, or +852 51234567 with a space after the country code
	Avatar   string `json:"avatar"`
	Risky    *bool  `json:"risky"`
}

var (
	mainlandPhone = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	foreignPhone  = regexp.MustCompile(`^\+([1-9][0-9]{0,3})[ -]([0-9]{4,14})$`)
	avatarShape   = regexp.MustCompile(`^(https?://|/|data:image/(png|jpeg|gif|webp|svg\+xml)[;,])`)
)

// addPerson makes a person. The caller holds s.mu.
func (s *Sim) addPerson(in personRequest) (*person, error) {
	n := len(s.state.people) + 1
	p := &person{ID: "p" + strconv.Itoa(n), MadeAt: s.clock.now()}
	in.Nickname = or(in.Nickname, "路人"+strconv.Itoa(n))
	in.Phone = or(in.Phone, "139"+wire.Pick(wire.Digits, 8))
	in.Avatar = or(in.Avatar, "/_sim/avatars/"+p.ID+".svg")
	if err := p.change(in); err != nil {
		return nil, err
	}
	s.state.people[p.ID] = p
	return p, s.save(p)
}

// change sets the given fields.
func (p *person) change(in personRequest) error {
	if in.Nickname != "" {
		if !utf8.ValidString(in.Nickname) || utf8.RuneCountInString(in.Nickname) > 32 {
			return badInput("nickname must be at most 32 characters")
		}
		p.Nickname = in.Nickname
	}
	if in.Phone != "" {
		if err := p.setPhone(in.Phone); err != nil {
			return err
		}
	}
	if in.Avatar != "" {
		if !avatarShape.MatchString(in.Avatar) || len(in.Avatar) > 64<<10 {
			return badInput("avatar must be a http(s) address, a path or a data:image URI of at most 64 KiB")
		}
		p.Avatar = in.Avatar
	}
	if in.Risky != nil {
		p.Risky = *in.Risky
	}
	return nil
}

// setPhone accepts a mainland number, or a foreign one with its country code apart.
func (p *person) setPhone(phone string) error {
	phone = strings.TrimPrefix(strings.TrimSpace(phone), "+86 ")
	if mainlandPhone.MatchString(phone) {
		p.Phone, p.CountryCode = phone, "86"
		return nil
	}
	if m := foreignPhone.FindStringSubmatch(phone); m != nil {
		p.Phone, p.CountryCode = m[2], m[1]
		return nil
	}
	return badInput("phone must be 11 digits like 13800138000, or +852 51234567 with a space after the country code")
}

// avatarSVG is a coloured tile with the last character of the nickname.
func (p *person) avatarSVG() string {
	last, _ := utf8.DecodeLastRuneInString(p.Nickname)
	colours := []string{"#07c160", "#10aeff", "#fa9d3b", "#6467f0", "#fa5151", "#1485ee"}
	n, _ := strconv.Atoi(strings.TrimPrefix(p.ID, "p"))
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96">`+
		`<rect width="96" height="96" rx="12" fill="%s"/><circle cx="48" cy="112" r="56" fill="#fff" opacity=".16"/>`+
		`<text x="48" y="50" font-family="sans-serif" font-size="44" fill="#fff" text-anchor="middle" dominant-baseline="central">&#%d;</text></svg>`,
		colours[max(n-1, 0)%len(colours)], last)
}
