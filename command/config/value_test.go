package config

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "12w": 84 * 24 * time.Hour, "1y": 365 * 24 * time.Hour, "1h30m": 90 * time.Minute, "1ms": time.Millisecond, "0": 0,
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q is %s, %v; want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", "90", "90 d", "-1d", "1.5h", "1m1h", "d", "300000y"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}

func TestDate(t *testing.T) {
	for text, want := range map[string]string{
		"2024": "2024-01-01T00:00:00Z", "2024-02": "2024-02-01T00:00:00Z", "2024-02-29": "2024-02-29T00:00:00Z",
		"2024-02-29T12:30:00Z": "2024-02-29T12:30:00Z", "2024-02-29T23:30:00-02:00": "2024-03-01T01:30:00Z",
	} {
		var d Date
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Time(d).Format(time.RFC3339) != want {
			t.Errorf("%q is %s, %v; want %s", text, time.Time(d).Format(time.RFC3339), err, want)
		}
	}
	for _, text := range []string{"", "24", "2024-13", "2023-02-29", "01.02.2024", "2024-02-29 12:30", "2024-02-29T12:30", "90d"} {
		var d Date
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, time.Time(d))
		}
	}
}

func TestParams(t *testing.T) {
	for text, want := range map[string]Params{
		"realm=acme":                   {"realm": "acme"},
		" realm=acme, org=7":           {"realm": "acme", "org": "7"},
		"scheme=Bearer: x=y,strict=":   {"scheme": "Bearer: x=y", "strict": ""},
		strings.Repeat("x", 300) + "=": {strings.Repeat("x", 300): ""},
	} {
		var p Params
		if err := p.UnmarshalText([]byte(text)); err != nil || !maps.Equal(p, want) {
			t.Errorf("%q is %v, %v; want %v", text, p, err, want)
		}
	}
	for _, text := range []string{"", "realm", "=acme", "realm=acme,", "realm=acme,realm=other", ","} {
		var p Params
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, p)
		}
	}
}
