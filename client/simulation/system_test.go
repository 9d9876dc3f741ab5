package simulation

import (
	"net/url"
	"strings"
	"time"

	"dormant/client/profile"

	"github.com/tidwall/gjson"
)

// system is the oracle for one system's API. It is written independently of the
// system's profile: which request does what, and what an answer says about an account.
type system struct {
	name   string
	routes []route
	values func(v *profile.Values, signIn bool) // changes the credentials from a fixed token to what the system uses

	items string // where a page of the listing has the accounts
	total string // and their number, or the header that has it
	none  string // a page without accounts may have this instead of items
	read  func(item gjson.Result, alone bool) observation

	// last is the request that completes the reading of one account; the requests
	// before it return parts. Empty: accounts can't be read alone.
	last    operation
	relists bool // instead, the whole listing is read again if it is older than a minute
	details bool // reading one account returns more than the listing, and happens before planning

	logItems string // where a page of the log of all accounts has its entries
	entry    func(item gjson.Result) (id string, at time.Time, login bool)
	logAgain bool   // it is read again before a change, unless that is less than a minute ago
	coverage string // empty: the log has no logins; log: an account without an entry may have logged in before the oldest one

	caller  bool     // the tokens belong to an account
	self    bool     // and the directory can say to which
	file    bool     // the run has an activity file
	byName  bool     // requests address accounts by username
	freeIDs bool     // ids may be any text
	cursors bool     // the id of the last account of a page asks for the next page
	again   bool     // removing an account that is already gone succeeds
	steps   int      // requests that a removal takes; 1 unless given
	cannot  []string // changes that the system has no API for
	shifts  bool     // a listing that changes while it is read may miss accounts, undetectably
}

// endsWithEmptyPage reports whether an empty array ends a listing, and nothing else says
// how many accounts there are.
func (s *system) endsWithEmptyPage() bool { return s.items == "@this" && s.total == "" }

// operation is the purpose of a request.
type operation string

const (
	opList     operation = "list"
	opGet      operation = "get"
	opRoles    operation = "roles" // a second part of the account
	opSearch   operation = "search"
	opSessions operation = "sessions"
	opEvents   operation = "events" // of one account
	opConsents operation = "consents"
	opLog      operation = "log" // of all accounts
	opSelf     operation = "self"
	opSignIn   operation = "sign in"
	opRemove   operation = "remove"
	opDisable  operation = "disable"
)

// route matches requests: a method and a path with {} for the account, and a required
// part of the query, in which {} may stand as well.
type route struct {
	kind  operation
	route string
	query string
}

// route returns the purpose of a request, and which account it addresses.
func (s *system) route(method, path string, query url.Values) (kind operation, whom string, ok bool) {
	for _, r := range s.routes {
		wantMethod, wantPath, _ := strings.Cut(r.route, " ")
		before, after, named := strings.Cut(wantPath, "{}")
		whom = ""
		switch {
		case method != wantMethod:
			continue
		case !named && path != wantPath:
			continue
		case named:
			rest, starts := strings.CutPrefix(path, before)
			rest, ends := strings.CutSuffix(rest, after)
			if !starts || !ends || strings.Contains(rest, "/") {
				continue
			}
			var err error
			if whom, err = url.PathUnescape(rest); err != nil {
				continue
			}
		}
		if name, value, needed := strings.Cut(r.query, "="); needed {
			switch {
			case !query.Has(name):
				continue
			case value == "{}":
				whom = query.Get(name)
			case query.Get(name) != value:
				continue
			}
		}
		return r.kind, whom, true
	}
	return "", "", false
}

// observation is what an answer says about one account.
type observation struct {
	id, username, email string

	login    loginState
	at       time.Time // of the login
	notAfter bool      // at is no login, but an upper bound for the last one
	until    time.Time // nothing is known of logins after it; zero: they are known up to now

	created time.Time // zero: not given
	undated bool      // the directory has no such date

	neverYears int // how many years before the creation the time is that means never; 0: none is

	action time.Time // newest other sign of use; zero: none

	doubtful time.Time // of an entry, if it is not plausible

	hidden               bool // there is more to know, and the directory does not tell it
	admin, bot, disabled bool
	roles                []string // nil: not given

	firstSeen time.Time // by a run with a ledger; zero: there is none
	movedBack bool      // an earlier run was told of a later login
	absent    bool      // the answer has no last login at all

	warned time.Time // when an earlier run first reported it as unused; zero: never

	pages map[string]int // of the search for it, with the number of their items
	total int            // of these items, as the first page counts them

	alone struct { // what the answer about the account alone says of its last login
		login loginState
		at    time.Time
	}
}

// loginState is what is known of a last login.
type loginState int

const (
	loginUnknown loginState = iota // the run must keep the account
	loginNotTold                   // the directory does not say; another source may
	loginNever
	loginKnown
)

// readLogin reads a last login in RFC 3339; null means never.
func (t *observation) readLogin(v gjson.Result) {
	switch at, err := time.Parse(time.RFC3339, v.String()); {
	case !v.Exists():
		t.login, t.absent = loginUnknown, true
	case v.Type == gjson.Null:
		t.login = loginNever
	case err == nil:
		t.login, t.at = loginKnown, at
	}
}

// jsonTime returns an RFC 3339 time, or zero.
func jsonTime(v gjson.Result) time.Time {
	at, _ := time.Parse(time.RFC3339, v.String())
	return at
}

// unixTime returns a Unix time in milliseconds or seconds. Milliseconds before the year
// 2000 can't be distinguished from seconds, and count as such.
func unixTime(v gjson.Result) time.Time {
	if at := time.UnixMilli(v.Int()); at.Year() >= 2000 {
		return at
	}
	return time.Unix(v.Int(), 0)
}

// readCreated reads the creation date.
func (t *observation) readCreated(v gjson.Result) {
	t.created, t.undated = jsonTime(v), v.Type == gjson.Null
}

// stringList returns the strings of an array, never nil.
func stringList(v gjson.Result) []string {
	found := []string{}
	for _, name := range v.Array() {
		found = append(found, name.String())
	}
	return found
}
