package profile

import (
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Timestamp is where a time is, and how it is written.
type Timestamp struct {
	Path   Paths    `yaml:"path"` // of several, the newest counts
	Layout string   `yaml:"layout"`
	Zone   Template `yaml:"zone"` // of a time that is written without one, such as Europe/Berlin; UTC unless given
}

// UnmarshalYAML accepts paths, or an object.
func (t *Timestamp) UnmarshalYAML(decode func(any) error) error {
	type object Timestamp
	return decodePathsOrObject(decode, &t.Path, (*object)(t))
}

// layoutParts are how a layout writes the parts of a time, and how Go does.
var layoutParts = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "HH", "15", "mm", "04", "ss", "05", "ZZ", "-0700")

// dateParts are what a layout has to have, once each.
var dateParts = []string{"YYYY", "MM", "DD"}

func (t Timestamp) validate(v *validator, key string, known []string) {
	if len(t.Path) == 0 || slices.Contains(t.Path, "") {
		v.add(key+".path", "is missing or empty")
	}
	v.jsonPaths(key, t.Path...)
	v.template(key+".zone", t.Zone, known)
	for _, part := range dateParts {
		if t.Layout != "" && strings.Count(t.Layout, part) != 1 {
			v.add(key+".layout", "%q: YYYY, MM and DD are needed, once each; HH, mm, ss and ZZ (+01:00 without the colon) are known as well", t.Layout)
			break
		}
	}
}

// A timeParser reads times as one Timestamp writes them. Like a last login, a time
// can be known, unreadable, or one of the values that mean "never".
type timeParser struct {
	layout string // as Go writes it; "": as job.ParseLastLogin reads them
	zone   *time.Location
}

// parser fails if the time zone does not exist.
func (t Timestamp) parser(b Bindings) (timeParser, error) {
	p := timeParser{layout: layoutParts.Replace(t.Layout), zone: time.UTC}
	var err error
	if t.Zone != "" {
		p.zone, err = time.LoadLocation(t.Zone.Text(b))
	}
	return p, err
}

// parse reads a text. A text that does not fit the layout may still be one of the
// values that mean "never".
func (p *timeParser) parse(text string) job.LastLogin {
	if p.layout == "" && p.zone == time.UTC && strings.IndexByte(text, ' ') < 0 {
		return job.ParseLastLogin(text)
	}
	text = strings.TrimSpace(text)
	if p.layout != "" {
		return p.parseLayout(text)
	}
	if len(text) > len(time.DateOnly) && text[len(time.DateOnly)] == ' ' {
		text = text[:len(time.DateOnly)] + "T" + text[len(time.DateOnly)+1:] // RFC 3339, section 5.6, allows a space
	}
	if p.zone != time.UTC { // job.ParseLastLogin assumes UTC
		text = p.addZone(text)
	}
	return job.ParseLastLogin(text)
}

func (p *timeParser) parseLayout(text string) job.LastLogin {
	if t, err := time.ParseInLocation(p.layout, text, p.zone); err == nil {
		if !strings.Contains(p.layout, "15") {
			return job.ParseLastLogin(endOfDay(t))
		}
		return job.ParseLastLogin(t.Format(time.RFC3339Nano))
	}
	if login := job.ParseLastLogin(text); login.State == job.LoginNever {
		return login
	}
	return job.LastLogin{State: job.LoginUnreadable}
}

// localLayout is that of a time without a zone.
const localLayout = "2006-01-02T15:04:05"

// addZone adds the zone to a time that is written without one.
func (p *timeParser) addZone(text string) string {
	if t, err := time.ParseInLocation(localLayout, text, p.zone); err == nil {
		return t.Format(time.RFC3339Nano)
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, p.zone); err == nil {
		return endOfDay(t)
	}
	return text
}

// endOfDay returns the last instant of the day that begins at t. A date that means
// "never" stays a date, because its last instant would not.
func endOfDay(t time.Time) string {
	if date := t.Format(time.DateOnly); job.ParseLastLogin(date).State == job.LoginNever {
		return date
	}
	return t.AddDate(0, 0, 1).Add(-time.Nanosecond).Format(time.RFC3339Nano)
}

// value reads a value of a JSON document.
func (p *timeParser) value(v gjson.Result) job.LastLogin {
	switch v.Type {
	case gjson.Null:
		return job.LastLogin{State: job.LoginNever}
	case gjson.String:
		return p.parse(v.Str)
	case gjson.Number:
		return p.parse(v.Raw)
	default:
		return job.LastLogin{State: job.LoginUnreadable}
	}
}

// newest returns the newest of the times at the paths; found is false if none of
// the paths exists. If one of the times can't be read, it may be the newest, so
// the result is unreadable.
func (p *timeParser) newest(paths Paths, document getter) (newest job.LastLogin, found bool) {
	for _, path := range paths {
		if text, ok := plannedText(document, path); ok && len(paths) == 1 {
			return p.parse(text), true
		}
		v := document.Get(path)
		if !v.Exists() {
			continue
		}
		next := p.value(v)
		switch {
		case next.State == job.LoginUnreadable:
			return next, true
		case !found, next.State == job.LoginKnown && (newest.State != job.LoginKnown || next.At.After(newest.At)):
			newest, found = next, true
		}
	}
	return newest, found
}
