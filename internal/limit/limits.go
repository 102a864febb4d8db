// Package limit limits what one person, one address or one picture may cost the shop.
package limit

import (
	"errors"
	"fmt"

	"wxbase/internal/environment"
)

// Limits bound what one person, one address or one picture may cost the shop. The environment sets them; docs/configuration.md lists them.
// A number below 0 takes a limit away, except where `positive` asks for at least 1.
type Limits struct {
	ImageMegapixels int // of a picture that is uploaded, or that a thumb is made of
	ImageFrames     int // of an animated GIF
	QuerySeconds    int // a list or view query of somebody who is no superuser

	OpenOrders       int // unpaid orders of a user at a time
	OrdersPerDay     int // orders of a user in a day in Beijing, paid or not
	CallsPerMinute   int // requests of a user that make us call WeChat
	PhonesPerDay     int // phone numbers that a user may ask WeChat for in a day; each costs money
	ChecksPerDay     int // texts and images of a user that WeChat may be asked to check in a day
	ChecksMegabytes  int // of these images together
	ImagesAtOnce     int // images that the server takes in for checks at a time
	Templates        int // templates that a user may report consents for
	UploadsPerMinute int // requests of a user that bring files
	ScansPerMinute   int // scans that are counted for a user, or for an address of guests
	LoginsPerMinute  int // logins from an address
	MailsPerMinute   int // mails that somebody at an address may have sent, by collections other than users
}

// Usual are the limits that hold where the environment says nothing.
func Usual() Limits {
	return Limits{
		ImageMegapixels: 25, ImageFrames: 500, QuerySeconds: 3,
		OpenOrders: 10, OrdersPerDay: 100, CallsPerMinute: 60, PhonesPerDay: 20,
		ChecksPerDay: 200, ChecksMegabytes: 50, ImagesAtOnce: 4,
		Templates: 50, UploadsPerMinute: 20, ScansPerMinute: 600, LoginsPerMinute: 1000, MailsPerMinute: 3,
	}
}

// limitSetting names the environment variable of a limit.
type limitSetting struct {
	name     string
	value    *int
	positive bool // must be at least 1
}

func (l *Limits) settings() []limitSetting {
	return []limitSetting{
		{"WXBASE_IMAGE_MEGAPIXELS", &l.ImageMegapixels, true},
		{"WXBASE_IMAGE_FRAMES", &l.ImageFrames, true},
		{"WXBASE_QUERY_SECONDS", &l.QuerySeconds, true},
		{"WXBASE_OPEN_ORDERS", &l.OpenOrders, false},
		{"WXBASE_ORDERS_PER_DAY", &l.OrdersPerDay, false},
		{"WXBASE_CALLS_PER_MINUTE", &l.CallsPerMinute, false},
		{"WXBASE_PHONES_PER_DAY", &l.PhonesPerDay, false},
		{"WXBASE_CHECKS_PER_DAY", &l.ChecksPerDay, false},
		{"WXBASE_CHECK_MEGABYTES_PER_DAY", &l.ChecksMegabytes, false},
		{"WXBASE_CHECK_IMAGES_AT_ONCE", &l.ImagesAtOnce, true},
		{"WXBASE_TEMPLATES_PER_USER", &l.Templates, false},
		{"WXBASE_UPLOADS_PER_MINUTE", &l.UploadsPerMinute, false},
		{"WXBASE_SCANS_PER_MINUTE", &l.ScansPerMinute, false},
		{"WXBASE_LOGINS_PER_MINUTE", &l.LoginsPerMinute, false},
		{"WXBASE_MAILS_PER_MINUTE", &l.MailsPerMinute, false},
	}
}

// From are the usual limits, with what the environment says.
func From(env func(string) string) (Limits, error) {
	l := Usual()
	errs := make([]error, 0, len(l.settings()))
	for _, s := range l.settings() {
		n, err := environment.Number(env, s.name, *s.value)
		if err == nil && s.positive && n < 1 {
			err = fmt.Errorf("%s must be at least 1", s.name)
		}
		*s.value = n
		errs = append(errs, err)
	}
	return l, errors.Join(errs...)
}
