package sandbox

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestPopulationIsTheSameEachTime(t *testing.T) {
	one := Population(500, 7, now)
	if !reflect.DeepEqual(one, Population(500, 7, now)) {
		t.Error("the same arguments make another population")
	}
	if reflect.DeepEqual(one, Population(500, 8, now)) {
		t.Error("another seed makes the same population")
	}
}

func TestPopulationIsPlausible(t *testing.T) {
	plain := regexp.MustCompile(`^[a-z0-9.-]+$`)
	for n := range 300 {
		taken := map[string]bool{}
		for _, u := range Population(n, uint64(n), now) {
			if !plain.MatchString(u.Username) || taken[u.Username] || u.Email != u.Username+"@example.com" || u.Name() == "" {
				t.Errorf("of %d: %+v", n, u)
			}
			taken[u.Username] = true
			for _, at := range []time.Time{u.Created, u.LastLogin, u.LastAction} {
				if at.After(now) || !at.IsZero() && at.Before(now.AddDate(-9, 0, 0)) {
					t.Errorf("of %d: %s is no time of %+v", n, at, u)
				}
			}
			if u.Created.IsZero() || !u.LastLogin.IsZero() && u.LastLogin.Before(u.Created) {
				t.Errorf("of %d: created after the last login: %+v", n, u)
			}
		}
	}
}

func TestPopulationHasShares(t *testing.T) {
	for _, n := range []int{100, 1000, 20_000} {
		users := Population(n, 42, now)
		found := map[string]float64{}
		for _, u := range users {
			switch away := now.Sub(u.LastLogin); {
			case u.LastLogin.IsZero():
				found["never"]++
			case away >= 90*day-time.Second:
				found["inactive"]++
			case away > 60*day:
				t.Errorf("%s logged in %s ago, which is neither lately nor long ago", u.Username, away)
			}
			if u.Admin {
				found["admin"]++
			}
			if u.Bot != strings.HasPrefix(u.Username, "svc-") {
				t.Errorf("%s is a bot: %t", u.Username, u.Bot)
			}
			if u.Bot {
				found["service"]++
			}
		}
		for kind, bounds := range map[string][2]float64{
			"never": {.05, .07}, "inactive": {.2, .25}, "admin": {.015, .025}, "service": {.025, .035},
		} {
			if got := found[kind] / float64(n); got < bounds[0] || got > bounds[1] {
				t.Errorf("of %d, %.3f are %s, want %v", n, got, kind, bounds)
			}
		}
		if u := users[0]; u.Username != "admin" || !u.Admin || now.Sub(u.LastLogin) > day {
			t.Errorf("the caller is %+v", u)
		}
		for _, c := range cutoffs {
			for _, d := range []time.Duration{-time.Second, 0, time.Second} {
				at := now.Add(-c + d)
				if !slices.ContainsFunc(users, func(u User) bool { return u.LastLogin.Equal(at) && !u.Admin }) {
					t.Errorf("of %d, nobody logged in %s ago", n, c-d)
				}
			}
		}
	}
}

// The story of the demo needs accounts that only protection keeps.
func TestPopulationHasProtectedAccounts(t *testing.T) {
	for _, n := range []int{100, 200, 1000} {
		found := map[string]int{}
		for _, u := range Population(n, 1, now) {
			if now.Sub(u.LastLogin) > 80*day {
				found[fmt.Sprintf("admin %t, service %t", u.Admin, strings.HasPrefix(u.Username, "svc-"))]++
			}
		}
		if found["admin true, service false"] == 0 || found["admin false, service true"] == 0 {
			t.Errorf("of %d, those who were away: %v", n, found)
		}
	}
}

func BenchmarkPopulation(b *testing.B) {
	for b.Loop() {
		Population(10_000, 1, now)
	}
}
