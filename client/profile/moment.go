package profile

import (
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Moment is where a time is, and how it is written.
type Moment struct {
	Path   Paths    `yaml:"path"` // of several, the newest counts
	Layout string   `yaml:"layout"`
	Zone   Template `yaml:"zone"` // of a time that is written without one, such as Europe/Berlin; UTC unless given
}

// UnmarshalYAML accepts paths, or the long form.
func (m *Moment) UnmarshalYAML(decode func(any) error) error {
	var value any
	if err := decode(&value); err != nil {
		return err
	}
	if _, ok := value.(map[string]any); ok {
		type long Moment
		return decode((*long)(m))
	}
	return decode(&m.Path)
}

// layouts are how a layout says the parts of a time, and how Go does.
var layouts = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "HH", "15", "mm", "04", "ss", "05", "ZZ", "-0700")

// Clock reads times as one Moment writes them.
type Clock struct {
	layout string // as Go writes it; nothing: as job.ParseLastLogin reads them
	zone   *time.Location
}

// Clock fails if there is no such zone.
func (m Moment) Clock(values map[string]string) (Clock, error) {
	c := Clock{layout: layouts.Replace(m.Layout), zone: time.UTC}
	var err error
	if m.Zone != "" {
		c.zone, err = time.LoadLocation(m.Zone.Text(values))
	}
	return c, err
}

// local is a time without a zone, to be read in one.
const local = "2006-01-02T15:04:05"

// parse reads a time. What is no time in the layout may still be a sentinel.
func (c Clock) parse(text string) job.LastLogin {
	text = strings.TrimSpace(text)
	if c.layout != "" {
		if t, err := time.ParseInLocation(c.layout, text, c.zone); err == nil {
			if !strings.Contains(c.layout, "15") {
				return job.ParseLastLogin(endOfDay(t))
			}
			return job.ParseLastLogin(t.Format(time.RFC3339Nano))
		}
		if read := job.ParseLastLogin(text); read.State == job.LoginNever {
			return read
		}
		return job.LastLogin{State: job.LoginUnreadable}
	}
	if len(text) > len(time.DateOnly) && text[len(time.DateOnly)] == ' ' {
		text = text[:len(time.DateOnly)] + "T" + text[len(time.DateOnly)+1:] // RFC 3339, section 5.6, allows a space
	}
	if c.zone != time.UTC { // which is how they are read anyway
		text = c.withZone(text)
	}
	return job.ParseLastLogin(text)
}

// withZone adds the zone to a time that is written without one.
func (c Clock) withZone(text string) string {
	if t, err := time.ParseInLocation(local, text, c.zone); err == nil {
		return t.Format(time.RFC3339Nano)
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, c.zone); err == nil {
		return endOfDay(t)
	}
	return text
}

// endOfDay is the last instant of the day that begins at t, or the date alone if
// that is how some systems write that there was no login.
func endOfDay(t time.Time) string {
	if date := t.Format(time.DateOnly); job.ParseLastLogin(date).State == job.LoginNever {
		return date
	}
	return t.AddDate(0, 0, 1).Add(-time.Nanosecond).Format(time.RFC3339Nano)
}

// read is what a value of a document says.
func (c Clock) read(v gjson.Result) job.LastLogin {
	switch v.Type {
	case gjson.Null:
		return job.LastLogin{State: job.LoginNever}
	case gjson.String:
		return c.parse(v.Str)
	case gjson.Number:
		return c.parse(v.Raw)
	default:
		return job.LastLogin{State: job.LoginUnreadable}
	}
}

// Newest is the newest of the values at the paths that exist in the document. If
// one of them can't be read, that one might be the newest, so nothing is known.
func (c Clock) Newest(paths Paths, document gjson.Result) (newest job.LastLogin, found bool) {
	for _, path := range paths {
		v := document.Get(path)
		if !v.Exists() {
			continue
		}
		next := c.read(v)
		switch {
		case next.State == job.LoginUnreadable:
			return next, true
		case !found, next.State == job.LoginKnown && (newest.State != job.LoginKnown || next.At.After(newest.At)):
			newest, found = next, true
		}
	}
	return newest, found
}
