package hooks

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"wxbase/internal/environment"
	"wxbase/internal/rooms"
	"wxbase/internal/till"
)

// What Config.PlainScenes may say.
const (
	plainByEverybody  = "everybody"
	plainBySuperusers = "superusers"
)

// readChoices takes from the environment what is a choice of a few words, and for how long rows are kept. A word that is none of them is
// an error: a mistyped "off" must not mean "on".
func (c *Config) readChoices() (err error) {
	if c.OrderNotice, err = environment.Word(c.Env, "WXBASE_ORDER_NOTICE", c.OrderNotice, rooms.NoticeOn, rooms.NoticeTotal, rooms.NoticeOff); err != nil {
		return err
	}
	c.PlainScenes, err = environment.Word(c.Env, "WXBASE_PLAIN_SCENES", c.PlainScenes, plainByEverybody, plainBySuperusers)
	if err != nil {
		return err
	}
	c.CustomerService, err = environment.Word(c.Env, "WXBASE_CUSTOMER_SERVICE", c.CustomerService, serviceHere, serviceTransfer)
	if err != nil {
		return err
	}
	if err := c.readPayWays(); err != nil {
		return err
	}
	if err := c.readForgetDays(); err != nil {
		return err
	}
	return c.readKeeping()
}

// The words of Config.PayWays.
const (
	payByCode  = "native"
	payByPage  = "h5"
	payByPhone = "none" // the phone's own cashier is always there
)

// readPayWays takes from the environment which other ways to pay the shop has. With the simulated WeChat it has all of them.
func (c *Config) readPayWays() error {
	usual := payByPhone
	if c.Sim {
		usual = payByCode + "," + payByPage
	}
	c.PayWays = cmp.Or(strings.TrimSpace(c.Env("WXBASE_PAY_WAYS")), c.PayWays, usual)
	for word := range strings.SplitSeq(c.PayWays, ",") {
		switch strings.ToLower(strings.TrimSpace(word)) {
		case payByCode:
			c.ways.Native = true
		case payByPage:
			c.ways.H5 = true
		case payByPhone:
			c.ways = till.Ways{}
		default:
			return fmt.Errorf("WXBASE_PAY_WAYS must be %s, or a list of %s and %s", payByPhone, payByCode, payByPage)
		}
	}
	return nil
}

// mostKeptDays is a hundred years, which is short enough for a time.Duration.
const mostKeptDays = 36_500

// leastKept is the shortest time for which anything is kept: WeChat repeats a notification for a day, and a repeat is recognised by the row
// of the first one.
const leastKept = 7 * 24 * time.Hour

// readKeeping takes the times for which rows are kept. In the environment they are days, and 0 is for ever; in the configuration a time below
// zero is for ever.
func (c *Config) readKeeping() error {
	for _, k := range []struct {
		name string
		keep *time.Duration
	}{
		{"WXBASE_KEEP_INBOX_DAYS", &c.KeepInbox},
		{"WXBASE_KEEP_OUTBOX_DAYS", &c.KeepOutbox},
		{"WXBASE_KEEP_SCANS_DAYS", &c.KeepScans},
		{"WXBASE_KEEP_CHATS_DAYS", &c.KeepChats},
	} {
		if c.Env(k.name) != "" {
			days, err := environment.Number(c.Env, k.name, 0)
			if err != nil {
				return err
			}
			if days < 0 || days > mostKeptDays {
				return fmt.Errorf("%s must be 0, for ever, or between 7 and %d", k.name, mostKeptDays)
			}
			*k.keep = cmp.Or(time.Duration(days)*24*time.Hour, -1)
		}
		if *k.keep > 0 && *k.keep < leastKept {
			return fmt.Errorf("%s must be 0, for ever, or between 7 and %d", k.name, mostKeptDays)
		}
	}
	return nil
}
