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

// system is a built-in profile, and what it does with a directory that looks as
// the system's documentation says. The directory is the sandbox's of the same name.
type system struct {
	base   string // what stands behind the host in DORMANT_URL
	values func(v *profile.Values, url string)
	signIn func(v *profile.Values, url string) // instead of the token; nil: there is none

	every    trait             // of the accounts that every directory has
	accounts []account         // besides those
	want     map[string]string // decisions about those that every directory has, where they are not as in usual
	kept     []string          // who of those is kept only by the second look
	logins   bool              // last logins come from a file, as the system has none
	protect  string            // a pattern of protected roles
	never    job.NeverPolicy   // remove unless given
	options  func(*sandbox.Options)
	answers  answers // what the directory answers otherwise

	enters  string            // the request that signs in; * stands for anything
	asks    []string          // what is read, in order, to list accounts and to look at one again
	headers map[string]string // of every request with the token
	remove  []string          // what is sent for each candidate
	disable []string          // the same; nil: it can't
	extras  map[string]extra

	removed       string            // the result of who is removed: removed unless given
	twice         string            // what a second removal is: gone unless given, or removed, failed
	disabledTwice string            // what a second disabling is: disabled unless given, or failed
	disabledGone  string            // what disabling somebody who is gone is: gone unless given, or failed
	meanwhile     map[string]string // what becomes of a removal if that happens before it, where it is not as in events

	most   int  // accounts on a page; 0: any number
	limit  int  // of accounts that are listed at all; 0: none
	counts bool // it says how many accounts there are

	only    []string // the scenes that are of interest: all unless given
	open    bool     // it asks for no credentials
	weak    string   // the outcome for a caller who is no administrator: failed for lack of rights unless given; or a status
	blind   string   // the outcome for a caller who sees nobody else; not tried unless given
	tooMany int      // the status if requests come too fast: 429 unless given
	vague   bool     // and it does not say then how long to wait
}

// account is one that the directory has, what is decided about it, and what
// becomes of it.
type account struct {
	name                   string
	login, action, created time.Duration // ago; 0: never, never, long ago
	is                     trait
	want                   string

	removal   string // of a candidate: removed unless given, or failed, kept
	disabling string // disabled unless given, or failed, kept
	sends     string // to be disabled, if it is not as for the others
}

// trait is something that an account has.
type trait func(u *sandbox.User, now time.Time)

// extra is what a destructive extra does if it is turned on.
type extra struct {
	remove  []string // what is sent for each candidate
	removes []string // who is removed then, and is not otherwise
	refused bool     // by this directory
}

// answers changes what the directory answers.
type answers func(r *http.Request, status *int, header http.Header, body []byte) []byte

// usual are the accounts that every directory has, and what is decided about
// them where the system tells all that there is to tell.
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
	{name: "listed", login: 400 * day, want: "keep allowlisted"}, // by the address
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

// all are the system's accounts, with the decisions as they are there.
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

// those are the names of the accounts of which that is so, sorted.
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

// noon is when all of it happens.
var noon = time.Date(2026, 3, 18, 12, 34, 56, 0, time.UTC)

// scenes are what each system goes through.
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
	{"much happens meanwhile", system.muchHappens},
	{"rights are lost meanwhile", system.rightsAreLost},
	{"signs in", system.signingIn},
	{"signs in elsewhere", system.signingInElsewhere},
	{"forbidden", system.forbidden},
	{"nobody to be seen", system.seeingNobody},
	{"no last login to be seen", system.seeingNoLogins},
	{"no entry to be seen", system.seeingNoEntries},
	{"too fast", system.tooFast},
	{"page sizes", system.pageSizes},
	{"the limit", system.limited},
	{"a page is elsewhere", system.pageElsewhere},
	{"somebody is missing", system.losing},
	{"somebody leaves between two pages", system.leavingBetweenPages},
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

// play lets something happen at noon.
func play(t *testing.T, name string, scene func(t *testing.T, now time.Time)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			<-time.After(time.Until(noon))
			scene(t, time.Now().UTC())
		})
	})
}
