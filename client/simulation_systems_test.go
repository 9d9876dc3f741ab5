package client

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/client/sandbox"
)

// simSystem is what the simulation knows of a system, by heart and not from its
// profile: which request does what, and what an answer tells of an account.
type simSystem struct {
	name   string
	routes []simRoute
	values func(v *Values, signIn bool) // beside a fixed token

	items string // where a page of the listing has the accounts
	total string // and their number, or the header that has it
	read  func(item gjson.Result, alone bool) simTold

	// last is the request that completes a look at one account; others before it
	// tell a part. Without it, accounts can't be read alone.
	last    simKind
	details bool // a look tells more than the listing, and is taken before planning

	logItems string // where a page of the log of all accounts has its entries
	entry    func(item gjson.Result) (id string, at time.Time, login bool)
	coverage string // what the absence of a login in it means: nothing, log or complete

	caller  bool     // the tokens belong to an account
	self    bool     // and the directory says to which
	file    bool     // logins come from a file
	byName  bool     // accounts are named by their usernames in requests
	freeIDs bool     // ids may be any text
	again   bool     // a removal of somebody who is gone succeeds
	steps   int      // requests that a removal takes; 1 unless given
	cannot  []string // what can't be done: disable
	shifts  bool     // a listing that changes while it is read may leave accounts out, and nobody can tell
}

// simKind is what a request is.
type simKind string

const (
	simList     simKind = "list"
	simGet      simKind = "get"
	simRoles    simKind = "roles" // a second part of the account
	simSearch   simKind = "search"
	simSessions simKind = "sessions"
	simEvents   simKind = "events" // of one account
	simConsents simKind = "consents"
	simLog      simKind = "log" // of all accounts
	simSelf     simKind = "self"
	simSignIn   simKind = "sign in"
	simRemove   simKind = "remove"
	simDisable  simKind = "disable"
)

// simRoute is a method and a path with {} for an account, and a part of the
// query that has to be there; perhaps with {} as well.
type simRoute struct {
	kind  simKind
	route string
	query string
}

// route tells what a request is, and about whom.
func (s *simSystem) route(method, path string, query url.Values) (kind simKind, whom string, ok bool) {
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

// simTold is what an answer tells of one account.
type simTold struct {
	id, username, email string

	login    simLogin
	at       time.Time // of the login
	notAfter bool      // it is no login, but the latest that one can have been

	created time.Time // zero: not told
	undated bool      // the directory has no such date
	action  time.Time // newest other proof of life; zero: none

	admin, bot, disabled bool
	roles                []string // nil: not told

	warned time.Time // when an earlier run first said that it is unused; zero: none has

	pages map[string]int // of a search for it, with how many items are on them
}

// simLogin is what is known of a last login.
type simLogin int

const (
	simUnknown simLogin = iota // and nothing may follow from it
	simAbsent                  // the directory does not tell of it, but somebody else may
	simNever
	simKnown
)

// rfc3339 reads a time as JSON has it; null is never.
func (t *simTold) rfc3339(v gjson.Result) {
	switch at, err := time.Parse(time.RFC3339, v.String()); {
	case !v.Exists():
		t.login = simUnknown
	case v.Type == gjson.Null:
		t.login = simNever
	case err == nil:
		t.login, t.at = simKnown, at
	}
}

// date is a time, or zero.
func date(v gjson.Result) time.Time {
	at, _ := time.Parse(time.RFC3339, v.String())
	return at
}

// millis is a time in milliseconds. Before the year 2000 they are too few to be
// told from seconds.
func millis(v gjson.Result) time.Time {
	if at := time.UnixMilli(v.Int()); at.Year() >= 2000 {
		return at
	}
	return time.Unix(v.Int(), 0)
}

// made reads the date of the creation.
func (t *simTold) made(v gjson.Result) {
	t.created, t.undated = date(v), v.Type == gjson.Null
}

// nameList are the elements of an array of texts that exists.
func nameList(v gjson.Result) []string {
	found := []string{}
	for _, name := range v.Array() {
		found = append(found, name.String())
	}
	return found
}

var simSystems = []*simSystem{
	{
		name: "itflex", caller: true, self: true, file: true, cannot: []string{"disable"},
		routes: []simRoute{
			{simSignIn, "POST /api/v1/oauth2/token", ""}, {simSelf, "GET /api/user/info", ""}, {simLog, "GET /api/audit/logs", ""},
			{simList, "GET /api/users", ""}, {simGet, "GET /api/users/{}", ""}, {simRemove, "DELETE /api/users/{}", ""},
		},
		values: func(v *Values, signIn bool) {
			if signIn {
				v.Token, v.ClientSecret = "", simSecret
			}
		},
		items: "users", last: simGet,
		read: func(item gjson.Result, _ bool) simTold {
			t := simTold{
				id: item.Get("id").Raw, username: item.Get("username").Str, email: item.Get("email").Str, login: simAbsent,
				admin: item.Get("superuser").Bool(), roles: nameList(item.Get("roles.#.name")),
			}
			t.made(item.Get("created_at"))
			if v := item.Get("last_login"); v.Type == gjson.String {
				t.rfc3339(v)
			}
			return t
		},
		logItems: "action_logs",
		entry: func(item gjson.Result) (string, time.Time, bool) {
			id, _ := strings.CutPrefix(item.Get("consumer_id").Str, "user:")
			return id, date(item.Get("datetime")), false
		},
	},
	{
		name: "maestro", caller: true, freeIDs: true, cannot: []string{"disable"},
		routes: []simRoute{
			{simSignIn, "POST /auth/sign-in", ""}, {simList, "GET /users", ""}, {simRemove, "DELETE /users/{}", ""},
		},
		values: func(v *Values, signIn bool) {
			v.Actor = simCaller
			if signIn {
				v.Token, v.Username, v.Password = "", simCaller, simSecret
			}
		},
		items: "users",
		read: func(item gjson.Result, _ bool) simTold {
			t := simTold{id: item.Get("id").Str, username: item.Get("username").Str, email: item.Get("email").Str, undated: true, login: simNever}
			if v := item.Get("lastLogin"); v.Exists() {
				t.rfc3339(v)
			}
			return t
		},
	},
	{
		name: "redmine", caller: true, self: true, cannot: []string{"disable"}, shifts: true,
		routes: []simRoute{
			{simSelf, "GET /users/current.json", ""}, {simList, "GET /users.json", ""},
			{simGet, "GET /users/{}.json", ""}, {simRemove, "DELETE /users/{}.json", ""},
		},
		items: "users", total: "total_count", last: simGet,
		read: func(item gjson.Result, alone bool) simTold {
			if alone {
				item = item.Get("user")
			}
			t := simTold{
				id: item.Get("id").Raw, username: item.Get("login").Str, email: item.Get("mail").Str,
				admin: item.Get("admin").Bool(),
			}
			t.made(item.Get("created_on"))
			if item.Get("admin").Exists() {
				t.rfc3339(item.Get("last_login_on"))
			}
			return t
		},
	},
	{
		name: "gitea", caller: true, self: true, byName: true, shifts: true,
		routes: []simRoute{
			{simSelf, "GET /api/v1/user", ""}, {simList, "GET /api/v1/admin/users", ""}, {simGet, "GET /api/v1/users/{}", ""},
			{simRemove, "DELETE /api/v1/admin/users/{}", "purge=false"}, {simDisable, "PATCH /api/v1/admin/users/{}", ""},
		},
		items: "@this", total: "X-Total-Count", last: simGet,
		read: func(item gjson.Result, _ bool) simTold {
			t := simTold{
				id: item.Get("id").Raw, username: item.Get("login").Str, email: item.Get("email").Str, admin: item.Get("is_admin").Bool(),
				disabled: item.Get("prohibit_login").Bool(),
			}
			t.made(item.Get("created"))
			switch at := date(item.Get("last_login")); {
			case at.Year() <= 1: // not for this caller
			case at.Unix() == 0:
				t.login = simNever
			default:
				t.login, t.at = simKnown, at
			}
			return t
		},
	},
	{
		name: "okta", caller: true, self: true, freeIDs: true, steps: 2,
		routes: []simRoute{
			{simSelf, "GET /api/v1/users/me", ""}, {simList, "GET /api/v1/users", ""}, {simGet, "GET /api/v1/users/{}", ""},
			{simRoles, "GET /api/v1/users/{}/roles", ""}, {simRemove, "DELETE /api/v1/users/{}", "sendEmail=false"},
			{simDisable, "POST /api/v1/users/{}/lifecycle/suspend", ""},
		},
		items: "@this", last: simRoles, details: true,
		read: func(item gjson.Result, _ bool) simTold {
			status := item.Get("status").Str
			t := simTold{
				id: item.Get("id").Str, username: item.Get("profile.login").Str, email: item.Get("profile.email").Str,
				disabled: status == "SUSPENDED" || status == "DEPROVISIONED",
			}
			t.made(item.Get("created"))
			t.rfc3339(item.Get("lastLogin"))
			return t
		},
	},
	{
		name: "grafana", caller: true, self: true, details: true, shifts: true,
		routes: []simRoute{
			{simSelf, "GET /api/user", ""}, {simSearch, "GET /api/users/search", "query={}"}, {simList, "GET /api/users/search", ""},
			{simGet, "GET /api/users/{}", ""}, {simRemove, "DELETE /api/admin/users/{}", ""}, {simDisable, "POST /api/admin/users/{}/disable", ""},
		},
		values: func(v *Values, _ bool) { *v = Values{Username: simCaller, Password: simSecret} },
		items:  "users", total: "totalCount", last: simSearch,
		read: func(item gjson.Result, alone bool) simTold {
			t := simTold{
				id: item.Get("id").Raw, username: item.Get("login").Str, email: item.Get("email").Str, login: simAbsent,
				admin:    item.Get("isAdmin").Bool() || item.Get("isGrafanaAdmin").Bool(),
				disabled: item.Get("isDisabled").Bool(),
			}
			t.made(item.Get("createdAt"))
			if !alone {
				t.rfc3339(item.Get("lastSeenAt"))
			}
			return t
		},
	},
	{
		name: "keycloak", freeIDs: true, details: true, shifts: true, coverage: "log",
		routes: []simRoute{
			{simSignIn, "POST /realms/acme/protocol/openid-connect/token", ""},
			{simSelf, "GET /realms/acme/protocol/openid-connect/userinfo", ""},
			{simLog, "GET /admin/realms/acme/events", "type=LOGIN"}, {simEvents, "GET /admin/realms/acme/events", "user={}"},
			{simList, "GET /admin/realms/acme/users", ""}, {simGet, "GET /admin/realms/acme/users/{}", ""},
			{simSessions, "GET /admin/realms/acme/users/{}/sessions", ""}, {simConsents, "GET /admin/realms/acme/users/{}/consents", ""},
			{simRemove, "DELETE /admin/realms/acme/users/{}", ""}, {simDisable, "PUT /admin/realms/acme/users/{}", ""},
		},
		values: func(v *Values, signIn bool) {
			v.Params = map[string]string{"realm": "acme", "coverage": "log"}
			if signIn {
				v.Token, v.ClientID, v.ClientSecret = "", sandbox.DefaultClientID, simSecret
			}
		},
		items: "@this", last: simConsents,
		read: func(item gjson.Result, _ bool) simTold {
			t := simTold{
				id: item.Get("id").Str, username: item.Get("username").Str, email: item.Get("email").Str, login: simAbsent,
				bot:      strings.HasPrefix(item.Get("username").Str, "service-account-") || item.Get("federationLink").Exists(),
				disabled: !item.Get("enabled").Bool(), undated: true,
			}
			if v := item.Get("createdTimestamp"); v.Exists() {
				t.created, t.undated = time.UnixMilli(v.Int()), false
			}
			return t
		},
		logItems: "@this",
		entry: func(item gjson.Result) (string, time.Time, bool) {
			return item.Get("userId").Str, millis(item.Get("time")), true
		},
	},
	{
		name: "synapse", caller: true, self: true, details: true, shifts: true, again: true,
		routes: []simRoute{
			{simSelf, "GET /_matrix/client/v3/account/whoami", ""}, {simList, "GET /_synapse/admin/v2/users", ""},
			{simGet, "GET /_synapse/admin/v2/users/{}", ""}, {simRemove, "POST /_synapse/admin/v1/deactivate/{}", ""},
			{simDisable, "PUT /_synapse/admin/v2/users/{}", ""},
		},
		items: "users", total: "total", last: simGet,
		read: func(item gjson.Result, alone bool) simTold {
			t := simTold{
				id: item.Get("name").Str, username: item.Get("name").Str, admin: item.Get("admin").Bool(),
				bot:      item.Get("user_type").Str == "bot" || item.Get("user_type").Str == "support" || item.Get("appservice_id").Str != "",
				disabled: item.Get("locked").Bool() || item.Get("deactivated").Bool(),
				created:  time.UnixMilli(item.Get("creation_ts").Int()), email: item.Get("threepids.0.address").Str,
			}
			if alone {
				t.created = time.Unix(item.Get("creation_ts").Int(), 0)
			}
			if at := item.Get("last_seen_ts"); at.Type == gjson.Number {
				t.login, t.at = simKnown, time.UnixMilli(at.Int())
			}
			return t
		},
	},
	{
		name: "snipe-it", caller: true, self: true, shifts: true,
		routes: []simRoute{
			{simSelf, "GET /api/v1/users/me", ""}, {simList, "GET /api/v1/users", ""}, {simGet, "GET /api/v1/users/{}", ""},
			{simRemove, "DELETE /api/v1/users/{}", ""}, {simDisable, "PATCH /api/v1/users/{}", ""},
		},
		items: "rows", total: "total", last: simGet,
		read: func(item gjson.Result, _ bool) simTold {
			clock := func(v gjson.Result) time.Time {
				at, _ := time.Parse(time.DateTime, v.Get("datetime").Str)
				return at
			}
			t := simTold{
				id: item.Get("id").Raw, username: item.Get("username").Str, email: item.Get("email").Str,
				admin:    item.Get("permissions.superuser").Int() == 1 || item.Get("permissions.admin").Int() == 1,
				disabled: !item.Get("activated").Bool(), created: clock(item.Get("created_at")),
				undated: item.Get("created_at").Type == gjson.Null,
			}
			t.roles = nameList(item.Get("groups.rows.#.name"))
			if v := item.Get("last_login"); v.Type == gjson.Null {
				t.login = simNever
			} else {
				t.login, t.at = simKnown, clock(v)
			}
			return t
		},
	},
	{
		name: "scim", file: true, freeIDs: true, shifts: true,
		routes: []simRoute{
			{simList, "GET /Users", ""}, {simGet, "GET /Users/{}", ""},
			{simRemove, "DELETE /Users/{}", ""}, {simDisable, "PATCH /Users/{}", ""},
		},
		items: "Resources", total: "totalResults", last: simGet,
		read: func(item gjson.Result, _ bool) simTold {
			t := simTold{
				id: item.Get("id").Str, username: item.Get("userName").Str, login: simAbsent,
				disabled: item.Get("active").Exists() && !item.Get("active").Bool(),
			}
			t.made(item.Get("meta.created"))
			for _, email := range item.Get("emails").Array() {
				if email.Get("primary").Bool() {
					t.email = email.Get("value").Str
				}
			}
			if groups := item.Get("groups"); groups.Exists() {
				t.roles = nameList(groups.Get("#.display"))
			}
			return t
		},
	},
}

// gone reports whether the answer says that there is no such account.
func (s *simSystem) gone(status int, body gjson.Result) bool {
	switch {
	case status == 404 || status == 410:
		return true
	case s.name == "snipe-it" && status == 200:
		return body.Get("status").Str == "error" && (body.Get("messages.deleted_at").Exists() || strings.HasPrefix(body.Get("messages").Str, "User does not exist"))
	case s.name == "synapse" && status == 200:
		return body.Get("deactivated").Bool()
	case s.name == "scim" && status == 200:
		return body.Get("status").String() == strconv.Itoa(404)
	}
	return false
}

// done reports whether the answer to a change says that it was made.
func (s *simSystem) done(kind simKind, status int, body gjson.Result) bool {
	if status == 200 && !gjson.Valid(body.Raw) && (s.name == "gitea" || s.name == "snipe-it" || s.name == "scim") {
		return false
	}
	switch s.name {
	case "snipe-it":
		return status == 200 && body.Get("status").Str == "success"
	case "synapse", "grafana":
		return status == 200
	case "gitea":
		return kind == simRemove && status == 204 || kind == simDisable && status == 200 && body.Get("prohibit_login").Bool()
	case "scim":
		return status == 204 || status == 200 && (!body.Get("status").Exists() || strings.HasPrefix(body.Get("status").String(), "2"))
	}
	return status == 200 || status == 204
}
