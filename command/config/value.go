package config

import (
	"errors"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Duration is a span of time, written as Prometheus writes it: 90d, 1h30m.
type Duration time.Duration

// UnmarshalText reads a span.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := model.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

func (d Duration) String() string { return model.Duration(d).String() }

// Date is the beginning of a year, a month or a day in UTC, or an instant.
type Date time.Time

// UnmarshalText reads 2024, 2024-01, 2024-01-31 or RFC 3339.
func (d *Date) UnmarshalText(text []byte) error {
	for _, layout := range []string{"2006", "2006-01", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			*d = Date(t.UTC())
			return nil
		}
	}
	return errors.New("no date")
}

// Params are the values of a profile's own placeholders.
type Params map[string]string

// UnmarshalText reads name=value pairs, separated by commas. A name that is there
// twice is an error.
func (p *Params) UnmarshalText(text []byte) error {
	*p = Params{}
	for pair := range strings.SplitSeq(string(text), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if _, twice := (*p)[name]; !ok || name == "" || twice {
			return errors.New("no pair, or one that is there twice")
		}
		(*p)[name] = value
	}
	return nil
}

// Paths are paths of files, separated by commas.
type Paths []string

// UnmarshalText parses a,b.
func (p *Paths) UnmarshalText(text []byte) error {
	*p = nil
	for path := range strings.SplitSeq(string(text), ",") {
		path = strings.TrimSpace(path)
		if path == "" {
			return errors.New("a path is empty")
		}
		*p = append(*p, path)
	}
	return nil
}
