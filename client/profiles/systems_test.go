package profiles_test

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

// system is a test of a built-in profile: how its directory, the sandbox's system of the
// same name, is set up, and what the profile has to do with it.
type system struct {
	base   string // the path in DORMANT_URL
	values func(v *profile.Values, url string)
	signIn func(v *profile.Values, url string) // sets other credentials than the token; nil: the profile has no sign-in

	every    trait             // of the usual accounts
	accounts []account         // besides the usual ones
	want     map[string]string // decisions about usual accounts that differ from those in usual, by name
	kept     []string          // names of the usual accounts that only the recheck keeps
	logins   bool              // last logins come from an activity file
	protect  string            // pattern of protected roles
	never    job.NeverPolicy   // default: remove
	options  func(*sandbox.Options)
	answers  answers // changes the responses of the directory

	enters  string            // the request that signs in; * matches any text
	asks    []string          // the requests that list the accounts, read one again and find the caller, in order
	headers map[string]string // of each request except the one that signs in
	remove  []string          // the requests that remove an account
	disable []string          // the requests that disable an account; nil: not supported
	extras  map[string]extra

	removed       string            // result of a removal; default: removed
	twice         string            // outcome of a second removal: gone (default), removed, refused or failed
	disabledTwice string            // outcome of a second disabling: disabled (default), refused or failed
	disabledGone  string            // outcome of disabling an account that does not exist any more: gone (default), refused or failed
	meanwhile     map[string]string // results of a removal after an event that differ from those in events, by the event's name

	most   int  // maximum of accounts on a page; 0: none
	limit  int  // maximum of accounts in a listing; 0: none
	counts bool // the listing has a total

	only    []string // names of the scenes to run; nil: all
	open    bool     // needs no credentials
	weak    string   // outcome, or status code, for a caller who is no administrator; default: failed, as the credentials allow too little
	blind   string   // outcome for a caller from whom all other accounts are hidden; "": not tested
	tooMany int      // status code when the rate limit is exceeded; default: 429
	vague   bool     // the response then has no time to wait
}

// account is an account of the directory, with the decision about it and the result.
type account struct {
	name                   string
	login, action, created time.Duration // ages; 0: never logged in, never acted, created long ago
	is                     trait
	want                   string

	removal   string // result of a removal; default: that of the system
	disabling string // result of a disabling; default: disabled
	sends     string // the request that disables it, if not that of the system
}

// trait sets a property of an account.
type trait func(u *sandbox.User, now time.Time)

// extra is what a run has to do with a destructive extra turned on.
type extra struct {
	remove  []string // the requests that remove an account
	removes []string // names of the accounts that are removed only with it
	refused bool     // the directory refuses each removal
}

// answers changes a response of the directory: its status, its header, and its body by the
// result.
type answers func(r *http.Request, status *int, header http.Header, body []byte) []byte

// usual are accounts that each directory has, with the decisions about them if the system
// shows all that matters.
var usual = []account{
	{name: "caller", login: time.Hour, is: admin, want: "keep self"},
	{name: "busy", login: 10 * day, want: "keep active"},
	{name: "edge", login: 90 * day, want: "keep active"},
	{name: "past", login: 90*day + time.Second, want: "remove inactive"},
	{name: "gone", login: 400 * day, want: "remove inactive"},
	{name: "unused", created: 200 * day, want: "remove never_logged_in"},
	{name: "fresh", created: 10 * day, want: "keep never_logged_in"},
	{name: "boss", login: 400 * day, is: admin, want: "keep admin"},
	{name: "robot", login: 400 * day, is: bot, want: "keep service_account"},
	{name: "locked", login: 400 * day, is: blocked, want: "remove inactive"},
	{name: "listed", login: 400 * day, want: "keep allowlisted"}, // by its email
}

func (a account) user(now time.Time) sandbox.User {
	ago := func(d time.Duration) time.Time {
		if d <= 0 {
			return time.Time{}
		}
		return now.Add(-d)
	}
	u := sandbox.User{
		Username: a.name, FirstName: "F", LastName: strings.ToUpper(a.name), Email: a.name + "@example.com",
		Created: ago(cmp.Or(a.created, 2000*day)), LastLogin: ago(a.login), LastAction: ago(a.action),
	}
	if a.is != nil {
		a.is(&u, now)
	}
	return u
}

// all returns all accounts of the system, with the decisions in this system.
func (s system) all() []account {
	all := slices.Clone(usual)
	for i, a := range all {
		all[i].want = cmp.Or(s.want[a.name], a.want)
		if s.every != nil {
			all[i].is = both(a.is, s.every)
		}
		if slices.Contains(s.kept, a.name) {
			all[i].removal, all[i].disabling = "kept", "kept"
		}
	}
	return append(all, s.accounts...)
}

// those returns the names of the accounts for which is returns true, sorted.
func (s system) those(is func(account) bool) []string {
	var names []string
	for _, a := range s.all() {
		if is(a) {
			names = append(names, a.name)
		}
	}
	slices.Sort(names)
	return names
}

func (a account) isCandidate() bool { return strings.HasPrefix(a.want, "remove") }
func (a account) isRemoved() bool   { return a.isCandidate() && a.removal == "" }
func (a account) isSent() bool      { return a.isCandidate() && a.removal != "kept" }

// noon is the time at which each scene begins.
var noon = time.Date(2026, 3, 18, 12, 34, 56, 0, time.UTC)

// scenes are the tests that run for each system.
var scenes = []struct {
	name string
	play func(s system, t *testing.T, name string, now time.Time)
}{
	{"decides", system.listing},
	{"asks", system.asking},
	{"removes", system.removing},
	{"removes with extras", system.removingMore},
	{"removes twice", system.removingTwice},
	{"disables", system.disabling},
	{"disables twice", system.disablingTwice},
	{"changes between plan and removal", system.muchHappens},
	{"the caller loses its rights", system.rightsAreLost},
	{"signs in", system.signingIn},
	{"signs in at another URL", system.signingInElsewhere},
	{"forbidden", system.forbidden},
	{"all other accounts are hidden", system.seeingNobody},
	{"no last logins", system.seeingNoLogins},
	{"an empty log", system.seeingNoEntries},
	{"rate limit", system.tooFast},
	{"page sizes", system.pageSizes},
	{"limit of a listing", system.limited},
	{"a link to another origin", system.pageElsewhere},
	{"an account is missing", system.losing},
	{"an account is removed between two pages", system.leavingBetweenPages},
}

func TestSystems(t *testing.T) {
	inMemory()
	for _, name := range profile.Names() {
		if _, ok := systems[name]; !ok {
			t.Errorf("%s: there is no row for it", name)
		}
	}
	for _, variant := range slices.Sorted(maps.Keys(systems)) {
		s := systems[variant]
		name, _, _ := strings.Cut(variant, ", ")
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			for _, scene := range scenes {
				if s.only == nil || slices.Contains(s.only, scene.name) {
					play(t, scene.name, func(t *testing.T, now time.Time) { scene.play(s, t, name, now) })
				}
			}
			for _, what := range slices.Sorted(maps.Keys(scenesOf[variant])) {
				play(t, what, func(t *testing.T, now time.Time) { scenesOf[variant][what](s, t, now) })
			}
		})
	}
}

// play runs the scene in a testing/synctest bubble whose clock is at noon.
func play(t *testing.T, name string, scene func(t *testing.T, now time.Time)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			<-time.After(time.Until(noon))
			scene(t, time.Now().UTC())
		})
	})
}
