package wechat

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// isTime accepts one time of day, or two with "~" between them, each optionally after a date.
func isTime(value string) bool {
	from, to, isRange := strings.Cut(value, "~")
	_, clock := readPoint(from)
	if !isRange {
		return clock
	}
	_, clockTo := readPoint(to)
	return clock && clockTo
}

// isDate accepts one date, or two with "~" between them, each optionally before a time. If both are on one day, the
// second may be the time alone.
func isDate(value string) bool {
	from, to, isRange := strings.Cut(value, "~")
	date, clock := readPoint(from)
	if !isRange {
		return date
	}
	dateTo, clockTo := readPoint(to)
	return date && (dateTo || clock && clockTo)
}

// readPoint tells whether s consists of a date, a time or both; false for both means neither.
func readPoint(s string) (date, clock bool) {
	if isClock(s) {
		return false, true
	}
	if isDay(s) {
		return true, false
	}
	before, after, spaced := strings.Cut(s, " ")
	if i := strings.Index(s, "日"); !spaced && i >= 0 {
		before, after = s[:i+len("日")], s[i+len("日"):]
	}
	both := isDay(before) && isClock(after)
	return both, both
}

var (
	clockShape = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$`)
	dayShapes  = []*regexp.Regexp{
		regexp.MustCompile(`^(?:(?P<y>[0-9]{4})年)?(?P<m>[0-9]{1,2})月(?P<d>[0-9]{1,2})日$`),
		regexp.MustCompile(`^(?P<y>[0-9]{4})年(?P<m>[0-9]{1,2})月(?P<d>)$`),
		regexp.MustCompile(`^(?:(?P<y>[0-9]{4})-)?(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})$`),
		regexp.MustCompile(`^(?:(?P<y>[0-9]{4})/)?(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})$`),
		regexp.MustCompile(`^(?:(?P<y>[0-9]{4})\.)?(?P<m>[0-9]{1,2})\.(?P<d>[0-9]{1,2})$`),
		regexp.MustCompile(`^(?P<y>[0-9]{4})[-/.](?P<m>[0-9]{1,2})(?P<d>)$`),
	}
)

// isClock accepts 15:01 and 15:01:30.
func isClock(s string) bool { return clockShape.MatchString(s) }

// isDay accepts a calendar date, complete or without its year or its day.
func isDay(s string) bool {
	for _, shape := range dayShapes {
		if m := shape.FindStringSubmatch(s); m != nil {
			return onCalendar(m[1], m[2], m[3])
		}
	}
	return false
}

// onCalendar accepts an empty year or day. A day without a year may be the 29th of February.
func onCalendar(y, m, d string) bool {
	year, month, date := 2000, number0(m), 1
	if y != "" {
		year = number0(y)
	}
	if d != "" {
		date = number0(d)
	}
	if month < 1 || month > 12 || date < 1 {
		return false
	}
	last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return date <= last
}

// number0 reads at most four digits, and returns 0 for an empty text.
func number0(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
