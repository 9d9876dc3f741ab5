package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const day = 24 * time.Hour

// What a population is made of, as shares of all accounts.
const (
	inactiveShare = 0.23 // at least 90 days, up to 4 years
	neverShare    = 0.06
	adminShare    = 0.02
	serviceShare  = 0.03
)

// cutoffs are where policies typically draw the line. Of each, a population has
// accounts one second before it, on it, and one second behind it.
var cutoffs = []time.Duration{90 * day, 180 * day, 365 * day}

var departments = []string{"Developers", "Finance", "Firewall", "Helpdesk", "Reports", "Sales", "VPN", "Warehouse"}

// activity is how an account has been used.
type activity int

const (
	active activity = iota
	inactive
	never
)

// Population makes up n users of an organisation at this moment: the same for
// the same arguments. The first is admin, who calls. Some administrators have
// been away for long; service accounts, which are named svc-…, never log in or
// have not for long, but most of them work.
func Population(n int, seed uint64, now time.Time) []User {
	p := &population{
		random: rand.New(rand.NewPCG(seed, uint64(n))), //nolint:gosec // meant to repeat
		now:    now.UTC().Truncate(time.Second),
		taken:  map[string]int{},
	}
	// The accounts of each kind, in a random order but for the caller.
	kinds := map[activity][]int{}
	for i, place := range p.random.Perm(max(n-1, 0)) {
		kind := active
		switch {
		case i < share(inactiveShare, n):
			kind = inactive
		case i < share(inactiveShare, n)+share(neverShare, n):
			kind = never
		}
		kinds[kind] = append(kinds[kind], place+1)
	}
	take := func(kind activity) int {
		if len(kinds[kind]) == 0 {
			return -1
		}
		i := kinds[kind][0]
		kinds[kind] = kinds[kind][1:]
		return i
	}

	users := make([]User, n)
	for i := range min(n, 1) {
		users[i] = p.caller()
	}
	for i := 1; i < share(adminShare, n); i++ {
		kind := []activity{active, inactive}[i%2]
		if at := take(kind); at >= 0 {
			users[at] = p.admin(kind)
		}
	}
	for i := range share(serviceShare, n) {
		kind := []activity{never, inactive}[i%2]
		if at := take(kind); at >= 0 {
			users[at] = p.service(kind, i)
		}
	}
	edges := p.edges()
	for _, kind := range []activity{active, inactive, never} {
		for i, at := range kinds[kind] {
			users[at] = p.person(kind)
			if kind == inactive && i < len(edges) && len(edges) <= len(kinds[kind])/2 {
				users[at].LastLogin = edges[i]
				users[at].Created = p.before(edges[i])
			}
		}
	}
	return users
}

func share(share float64, n int) int { return int(share*float64(n) + 0.5) }

// population makes users one after the other.
type population struct {
	random *rand.Rand
	now    time.Time
	taken  map[string]int // how often a username was wanted
}

func (p *population) caller() User {
	p.taken["admin"]++
	u := User{Username: "admin", FirstName: "Ada", LastName: "Admin", Email: "admin@example.com", Admin: true}
	u.Roles = []string{"Administrators"}
	u.LastLogin = p.now.Add(-2 * time.Hour)
	u.LastAction = p.now.Add(-time.Hour)
	u.Created = p.now.Add(-6 * 365 * day)
	return u
}

func (p *population) admin(kind activity) User {
	u := p.person(kind)
	u.Admin, u.Roles = true, []string{"Administrators"}
	u.LastAction = u.LastLogin.Add(10 * time.Minute)
	if u.LastAction.After(p.now) {
		u.LastAction = p.now
	}
	return u
}

// services are what the service accounts are there for.
var services = []string{"backup", "deploy", "monitoring", "ldap-sync", "reports", "scanner", "billing", "ci"}

func (p *population) service(kind activity, i int) User {
	name := services[i%len(services)]
	u := p.used(kind)
	u.Bot = true
	u.Username = p.username("svc-" + name)
	u.FirstName, u.LastName = "Service", name
	u.Email = u.Username + "@example.com"
	u.Roles = []string{"Automation"}
	if i%4 != 3 { // the others are forgotten
		u.LastAction = p.ago(time.Minute, 2*day)
	}
	return u
}

func (p *population) person(kind activity) User {
	culture := names[p.random.IntN(len(names))]
	first := culture.first[p.random.IntN(len(culture.first))]
	last := culture.last[p.random.IntN(len(culture.last))]
	u := p.used(kind)
	u.FirstName, u.LastName = first.written, last.written
	u.Username = p.username(first.plain + "." + last.plain)
	u.Email = u.Username + "@example.com"
	for _, i := range p.random.Perm(len(departments))[:p.random.IntN(3)] {
		u.Roles = append(u.Roles, departments[i])
	}
	slices.Sort(u.Roles)
	return u
}

// used is a user with nothing but times.
func (p *population) used(kind activity) User {
	var login time.Time
	switch kind {
	case active:
		login = p.ago(time.Minute, 60*day)
	case inactive:
		login = p.ago(90*day, 4*365*day)
	case never:
		if p.random.IntN(2) == 0 {
			return User{Created: p.ago(time.Hour, 21*day)} // still waiting for the first day at work
		}
		return User{Created: p.ago(100*day, 5*365*day)}
	}
	return User{LastLogin: login, Created: p.before(login)}
}

// ago is some time between the two spans before now, more likely a recent one.
func (p *population) ago(least, most time.Duration) time.Time {
	r := p.random.Float64()
	return p.now.Add(-least - time.Duration(r*r*float64(most-least))).Truncate(time.Second)
}

// before is some time in the three years before.
func (p *population) before(t time.Time) time.Time {
	return t.Add(-day - time.Duration(p.random.Int64N(int64(3*365*day)))).Truncate(time.Second)
}

// edges are last logins around the cutoffs.
func (p *population) edges() []time.Time {
	var times []time.Time
	for _, c := range cutoffs {
		for _, d := range []time.Duration{-time.Second, 0, time.Second} {
			times = append(times, p.now.Add(-c+d))
		}
	}
	return times
}

// username is one that nobody has: the wanted one, perhaps with a number.
func (p *population) username(wanted string) string {
	p.taken[wanted]++
	if n := p.taken[wanted]; n > 1 {
		return fmt.Sprintf("%s%d", wanted, n)
	}
	return wanted
}
