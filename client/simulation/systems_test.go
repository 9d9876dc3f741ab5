package simulation

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/client/sandbox"
)

var systems = []*system{
	{
		name: "itflex", caller: true, self: true, file: true, cannot: []string{"disable"},
		routes: []route{
			{opSignIn, "POST /api/v1/oauth2/token", ""}, {opSelf, "GET /api/user/info", ""}, {opLog, "GET /api/audit/logs", ""},
			{opList, "GET /api/users", ""}, {opGet, "GET /api/users/{}", ""}, {opRemove, "DELETE /api/users/{}", ""},
		},
		values: func(v *profile.Values, signIn bool) {
			if signIn {
				v.Token, v.ClientSecret = "", password
			}
		},
		items: "users", last: opGet,
		read: func(item gjson.Result, _ bool) observation {
			t := observation{
				id: item.Get("id").Raw, username: item.Get("username").Str, email: item.Get("email").Str, login: loginNotTold,
				admin: item.Get("superuser").Bool(), roles: stringList(item.Get("roles.#.name")),
			}
			t.readCreated(item.Get("created_at"))
			if v := item.Get("last_login"); v.Type == gjson.String {
				t.readLogin(v)
			}
			return t
		},
		logItems: "action_logs", logAgain: true,
		entry: func(item gjson.Result) (string, time.Time, bool) {
			id, _ := strings.CutPrefix(item.Get("consumer_id").Str, "user:")
			return id, jsonTime(item.Get("datetime")), false
		},
	},
	{
		name: "maestro", caller: true, freeIDs: true, relists: true, cannot: []string{"disable"},
		routes: []route{
			{opSignIn, "POST /auth/sign-in", ""}, {opList, "GET /users", ""}, {opRemove, "DELETE /users/{}", ""},
		},
		values: func(v *profile.Values, signIn bool) {
			v.Actor = callerName
			if signIn {
				v.Token, v.Username, v.Password = "", callerName, password
			}
		},
		items: "users",
		read: func(item gjson.Result, _ bool) observation {
			t := observation{id: item.Get("id").Str, username: item.Get("username").Str, email: item.Get("email").Str, undated: true, login: loginNever}
			if v := item.Get("lastLogin"); v.Exists() {
				t.readLogin(v)
			}
			return t
		},
	},
	{
		name: "redmine", caller: true, self: true, cannot: []string{"disable"}, shifts: true,
		routes: []route{
			{opSelf, "GET /users/current.json", ""}, {opList, "GET /users.json", ""},
			{opGet, "GET /users/{}.json", ""}, {opRemove, "DELETE /users/{}.json", ""},
		},
		items: "users", total: "total_count", last: opGet,
		read: func(item gjson.Result, alone bool) observation {
			if alone {
				item = item.Get("user")
			}
			t := observation{
				id: item.Get("id").Raw, username: item.Get("login").Str, email: item.Get("mail").Str,
				admin: item.Get("admin").Bool(),
			}
			t.readCreated(item.Get("created_on"))
			if item.Get("admin").Exists() {
				t.readLogin(item.Get("last_login_on"))
			}
			return t
		},
	},
	{
		name: "gitea", caller: true, self: true, byName: true, details: true, shifts: true,
		routes: []route{
			{opSelf, "GET /api/v1/user", ""}, {opList, "GET /api/v1/admin/users", ""}, {opGet, "GET /api/v1/users/{}", ""},
			{opEvents, "GET /api/v1/users/{}/activities/feeds", ""}, {opSessions, "GET /api/v1/users/{}/keys", ""},
			{opRemove, "DELETE /api/v1/admin/users/{}", "purge=false"}, {opDisable, "PATCH /api/v1/admin/users/{}", ""},
		},
		items: "@this", total: "X-Total-Count", last: opSessions,
		read: func(item gjson.Result, _ bool) observation {
			t := observation{
				id: item.Get("id").Raw, username: item.Get("login").Str, email: item.Get("email").Str, admin: item.Get("is_admin").Bool(),
				disabled: item.Get("prohibit_login").Bool(),
			}
			t.readCreated(item.Get("created"))
			switch at := jsonTime(item.Get("last_login")); {
			case at.Year() <= 1: // hidden from this caller
			case at.Unix() == 0:
				t.login = loginNever
			default:
				t.login, t.at = loginKnown, at
			}
			return t
		},
	},
	{
		name: "okta", caller: true, self: true, freeIDs: true, cursors: true, steps: 2,
		routes: []route{
			{opSelf, "GET /api/v1/users/me", ""}, {opList, "GET /api/v1/users", ""}, {opGet, "GET /api/v1/users/{}", ""},
			{opRoles, "GET /api/v1/users/{}/roles", ""}, {opRemove, "DELETE /api/v1/users/{}", "sendEmail=false"},
			{opDisable, "POST /api/v1/users/{}/lifecycle/suspend", ""},
		},
		items: "@this", last: opRoles, details: true,
		read: func(item gjson.Result, _ bool) observation {
			status := item.Get("status").Str
			t := observation{
				id: item.Get("id").Str, username: item.Get("profile.login").Str, email: item.Get("profile.email").Str,
				disabled: status == "SUSPENDED" || status == "DEPROVISIONED",
			}
			t.readCreated(item.Get("created"))
			t.readLogin(item.Get("lastLogin"))
			return t
		},
	},
	{
		name: "grafana", caller: true, self: true, details: true, shifts: true,
		routes: []route{
			{opSelf, "GET /api/user", ""}, {opSearch, "GET /api/users/search", "query={}"}, {opList, "GET /api/users/search", ""},
			{opGet, "GET /api/users/{}", ""}, {opRemove, "DELETE /api/admin/users/{}", ""}, {opDisable, "POST /api/admin/users/{}/disable", ""},
		},
		values: func(v *profile.Values, _ bool) { *v = profile.Values{Username: callerName, Password: password} },
		items:  "users", total: "totalCount", last: opSearch,
		read: func(item gjson.Result, alone bool) observation {
			t := observation{
				id: item.Get("id").Raw, username: item.Get("login").Str, email: item.Get("email").Str, login: loginNotTold, neverYears: 10,
				admin:    item.Get("isAdmin").Bool() || item.Get("isGrafanaAdmin").Bool(),
				disabled: item.Get("isDisabled").Bool(),
			}
			t.readCreated(item.Get("createdAt"))
			if !alone {
				t.readLogin(item.Get("lastSeenAt"))
			}
			return t
		},
	},
	{
		name: "keycloak", freeIDs: true, details: true, shifts: true, coverage: "log",
		routes: []route{
			{opSignIn, "POST /realms/acme/protocol/openid-connect/token", ""},
			{opSelf, "GET /realms/acme/protocol/openid-connect/userinfo", ""},
			{opLog, "GET /admin/realms/acme/events", "type=LOGIN"}, {opEvents, "GET /admin/realms/acme/events", "user={}"},
			{opList, "GET /admin/realms/acme/users", ""}, {opGet, "GET /admin/realms/acme/users/{}", ""},
			{opSessions, "GET /admin/realms/acme/users/{}/sessions", ""}, {opConsents, "GET /admin/realms/acme/users/{}/consents", ""},
			{opRemove, "DELETE /admin/realms/acme/users/{}", ""}, {opDisable, "PUT /admin/realms/acme/users/{}", ""},
		},
		values: func(v *profile.Values, signIn bool) {
			v.Params = map[string]string{"realm": "acme", "coverage": "log"}
			if signIn {
				v.Token, v.ClientID, v.ClientSecret = "", sandbox.DefaultClientID, password
			}
		},
		items: "@this", last: opConsents,
		read: func(item gjson.Result, _ bool) observation {
			t := observation{
				id: item.Get("id").Str, username: item.Get("username").Str, email: item.Get("email").Str, login: loginNotTold,
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
			return item.Get("userId").Str, unixTime(item.Get("time")), true
		},
	},
	{
		name: "synapse", caller: true, self: true, details: true, shifts: true, again: true,
		routes: []route{
			{opSelf, "GET /_matrix/client/v3/account/whoami", ""},
			{opSearch, "GET /_synapse/admin/v2/users", "user_id={}"}, {opList, "GET /_synapse/admin/v2/users", ""},
			{opGet, "GET /_synapse/admin/v2/users/{}", ""}, {opRemove, "POST /_synapse/admin/v1/deactivate/{}", ""},
			{opDisable, "PUT /_synapse/admin/v2/users/{}", ""},
		},
		items: "users", total: "total", last: opSearch,
		read: func(item gjson.Result, alone bool) observation {
			t := observation{
				id: item.Get("name").Str, username: item.Get("name").Str, admin: item.Get("admin").Bool(),
				bot:      item.Get("user_type").Str == "bot" || item.Get("user_type").Str == "support" || item.Get("appservice_id").Str != "",
				disabled: item.Get("locked").Bool() || item.Get("deactivated").Bool(),
				created:  time.UnixMilli(item.Get("creation_ts").Int()), email: item.Get("threepids.0.address").Str,
			}
			if alone {
				t.created = time.Unix(item.Get("creation_ts").Int(), 0)
			}
			if at := item.Get("last_seen_ts"); at.Type == gjson.Number {
				t.login, t.at = loginKnown, time.UnixMilli(at.Int())
			}
			return t
		},
	},
	{
		name: "snipe-it", caller: true, self: true, details: true, shifts: true,
		routes: []route{
			{opSelf, "GET /api/v1/users/me", ""}, {opList, "GET /api/v1/users", ""}, {opGet, "GET /api/v1/users/{}", ""},
			{opEvents, "GET /api/v1/reports/activity", "created_by={}"},
			{opRemove, "DELETE /api/v1/users/{}", ""}, {opDisable, "PATCH /api/v1/users/{}", ""},
		},
		items: "rows", total: "total", last: opEvents,
		read: func(item gjson.Result, _ bool) observation {
			clock := snipeTime
			t := observation{
				id: item.Get("id").Raw, username: item.Get("username").Str, email: item.Get("email").Str,
				admin:    item.Get("permissions.superuser").Int() == 1 || item.Get("permissions.admin").Int() == 1,
				disabled: !item.Get("activated").Bool(), created: clock(item.Get("created_at")),
				undated: item.Get("created_at").Type == gjson.Null,
			}
			t.roles = stringList(item.Get("groups.rows.#.name"))
			if v := item.Get("last_login"); v.Type == gjson.Null {
				t.login = loginNever
			} else {
				t.login, t.at = loginKnown, clock(v)
			}
			return t
		},
	},
	{
		name: "scim", file: true, freeIDs: true, shifts: true,
		routes: []route{
			{opList, "GET /Users", ""}, {opGet, "GET /Users/{}", ""},
			{opRemove, "DELETE /Users/{}", ""}, {opDisable, "PATCH /Users/{}", ""},
		},
		items: "Resources", total: "totalResults", none: "totalResults", last: opGet,
		read: func(item gjson.Result, _ bool) observation {
			t := observation{
				id: item.Get("id").Str, username: item.Get("userName").Str, login: loginNotTold,
				disabled: item.Get("active").Exists() && !item.Get("active").Bool(),
			}
			t.readCreated(item.Get("meta.created"))
			for _, email := range item.Get("emails").Array() {
				if email.Get("primary").Bool() {
					t.email = email.Get("value").Str
				}
			}
			if groups := item.Get("groups"); groups.Exists() {
				t.roles = stringList(groups.Get("#.display"))
			}
			return t
		},
	},
}

// snipeTime reads a time of Snipe-IT's, which has no zone.
func snipeTime(v gjson.Result) time.Time {
	at, _ := time.Parse(time.DateTime, v.Get("datetime").Str)
	return at
}

// gone reports whether the answer says that there is no such account.
func (s *system) gone(status int, body gjson.Result) bool {
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

// refused reports whether the answer says that the directory does not change this account,
// whoever asks.
func (s *system) refused(kind operation, status int, body gjson.Result) bool {
	switch s.name {
	case "gitea", "redmine":
		return kind == opRemove && status == 422
	case "grafana":
		return kind == opDisable && body.Get("message").Str == "Could not disable external user"
	case "keycloak":
		return body.Get("errorMessage").Exists()
	case "okta":
		code := body.Get("errorCode").Str
		return code == "E0000038" || code == "E0000079" || kind == opDisable && code == "E0000001"
	case "scim":
		return body.Get("scimType").Str == "mutability"
	case "synapse":
		return strings.HasPrefix(body.Get("error").Str, "Deactivation of this user is forbidden")
	case "snipe-it":
		messages := body.Get("messages").Raw
		return strings.Contains(messages, "still ha") || strings.Contains(messages, "deleted yourself")
	}
	return false
}

// bodyDecides reports whether the body of an answer can say that a change was not made, so
// that one that is cut short says nothing.
func (s *system) bodyDecides(kind operation) bool {
	switch s.name {
	case "gitea", "snipe-it", "scim", "okta", "keycloak":
		return true
	case "grafana":
		return kind == opDisable
	case "synapse":
		return kind == opRemove
	}
	return false
}

// done reports whether the answer to a change says that it was made.
func (s *system) done(kind operation, status int, body gjson.Result) bool {
	if body.Get("error").Type == gjson.String { // whatever the code
		return false
	}
	if status == 200 && !gjson.Valid(body.Raw) && s.bodyDecides(kind) {
		return false
	}
	switch s.name {
	case "snipe-it":
		return status == 200 && body.Get("status").Str == "success"
	case "synapse", "grafana":
		return status == 200
	case "gitea":
		return kind == opRemove && status == 204 || kind == opDisable && status == 200 && body.Get("prohibit_login").Bool()
	case "scim":
		return status == 204 || status == 200 && (!body.Get("status").Exists() || strings.HasPrefix(body.Get("status").String(), "2"))
	}
	return status == 200 || status == 204
}
