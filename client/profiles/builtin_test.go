package profiles_test

import (
	"net/http"
	"slices"
	"time"

	"dormant/client/profile"
	"dormant/client/sandbox"
)

var bearer = map[string]string{"Authorization": "Bearer sandbox-token"}

var atlassian = system{
	values: params("org", "acme"),
	accounts: []account{
		{name: "closed", login: 300 * day, is: field("account_status", "closed"), want: "not listed"},
		{name: "customer", login: 300 * day, is: guest, want: "remove inactive"},
		{name: "typeless", login: 300 * day, is: field("account_type", "absent"), want: "keep last_login_unknown"},
		{name: "synced", login: 300 * day, is: field("synced", "true"), want: "remove inactive", removal: "failed", disabling: "failed"},
		{name: "elsewhere", login: 300 * day, is: did(entry{"login", 3 * day, nil}), want: "keep active"},
		{name: "licensed", login: 300 * day, is: did(entry{"login", 300 * day, nil}, entry{"login", day, []string{"unused", "1"}}), want: "remove inactive"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
	},
	want: merge(untold("boss"), unknown("unused", "fresh"), are("keep active", "caller", "past")), // last_active is a date
	asks: []string{
		"GET /admin/v1/orgs/acme/users",
		"GET /admin/v1/orgs/acme/directory/users/{id}/last-active-dates",
	},
	headers:       bearer,
	counts:        true,
	remove:        []string{"POST /users/{id}/manage/lifecycle/delete"},
	disable:       []string{"POST /users/{id}/manage/lifecycle/disable"},
	removed:       "accepted", // the account is deleted after 14 days
	twice:         "refused",  // the account is listed until then
	disabledTwice: "refused",
	meanwhile: map[string]string{
		"promoted": "removed", "replaced": "removed", // the response shows neither
		"deactivated": "refused_by_directory sent",
	},
}

var auth0 = system{
	values: params("audience", "{url}/api/v2/"),
	enters: `POST /oauth/token {"audience":"{url}/api/v2/","client_id":"sandbox-client","client_secret":"sandbox-secret","grant_type":"client_credentials"}`,
	signIn: oauth2,
	accounts: []account{
		{name: "counted", is: field("logins_count", "5"), want: "keep last_login_unknown"},
		{name: "zero", is: field("logins_count", "0"), want: "remove never_logged_in"},
		{name: "unblocked", login: 300 * day, is: field("blocked", "false"), want: "remove inactive"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
		{name: "guest", login: 300 * day, is: guest, want: "remove inactive"},
		{name: "signed in", login: 300 * day, action: 3 * day, want: "keep active"}, // refresh tokens do not move the last login
		{name: "renewed", login: 400 * day, action: 300 * day, want: "remove inactive"},
		{name: "attacked", login: 300 * day, is: did(entry{kind: "f", ago: 3 * day}), want: "remove inactive"},
		{name: "managed", login: 300 * day, is: did(entry{kind: "sapi", ago: 3 * day}), want: "remove inactive"}, // a change by another account
	},
	want: merge(untold("boss", "robot"), are("keep active", "caller")),
	asks: []string{
		"GET /api/v2/users?include_totals=true&page=0&per_page=100&sort=created_at%3A1",
		"GET /api/v2/users?include_totals=true&page=1&per_page=100&sort=created_at%3A1",
		"GET /api/v2/users/{id}",
		"GET /api/v2/users/{id}/logs?per_page=100&sort=date%3A-1",
	},
	headers: bearer,
	most:    100, limit: 1000, counts: true,
	remove:    []string{"DELETE /api/v2/users/{id}"},
	disable:   []string{`PATCH /api/v2/users/{id} {"blocked":true}`},
	twice:     "removed", // the response is 204 for an account that does not exist
	meanwhile: map[string]string{"promoted": "removed"},
}

var authentik = system{
	accounts: []account{
		{name: "session", login: 200 * day, is: did(entry{"login", day, nil}), want: "keep active"},
		{name: "sess", login: 200 * day, is: did(), want: "remove inactive"},
		{name: "a&b c/d+é", login: 200 * day, is: did(entry{"login", day, nil}), want: "keep active"},
		{name: "outpost", login: 200 * day, is: field("type", "internal_service_account"), want: "keep service_account"},
		{name: "external", login: 200 * day, is: guest, want: "remove inactive"},
		{name: "seller", login: 200 * day, is: roles("Sales"), want: "keep protected_role"},
		{name: "buyer", login: 200 * day, is: roles("Purchase"), want: "remove inactive"},
		{name: "dateless", is: dateless, want: "keep never_logged_in"},
		{name: "old", login: 200 * day, is: dateless, want: "remove inactive"},
	},
	protect: "sales",
	weak:    "completed", // the caller sees only its own account
	asks: []string{
		"GET /api/v3/core/users/?ordering=username&page=1&page_size=100",
		"GET /api/v3/core/users/{id}/",
		"GET /api/v3/core/authenticated_sessions/?page=1&page_size=100&user__username={username?}",
		"GET /api/v3/core/users/me/",
	},
	headers: bearer,
	counts:  true,
	remove:  []string{"DELETE /api/v3/core/users/{id}/"},
	disable: []string{`PATCH /api/v3/core/users/{id}/ {"is_active":false}`},
}

var discourse = system{
	values: func(v *profile.Values, _ string) { v.Actor = "caller" },
	accounts: []account{
		{name: "system", is: id("901"), want: "keep service_account"}, // stands for the id -1
		{name: "discobot", login: 300 * day, is: id("902"), want: "keep service_account"},
		{name: "moderator", login: 300 * day, is: field("moderator", "1"), want: "keep admin"},
		{name: "staged", is: guest, want: "keep service_account"},
		{name: "unconfirmed", is: deactivated, want: "remove never_logged_in"},
		{name: "writer", login: 300 * day, is: owner, want: "remove inactive", removal: "refused_by_directory"},
		{name: "author", login: 300 * day, is: field("posts", "99"), want: "remove inactive", removal: "failed"},
		{name: "unwilling", login: 300 * day, is: field("unwilling", "1"), want: "remove inactive", removal: "refused_by_directory"},
	},
	answers: instead(`"id":901,`, `"id":-1,`, `"id":902,`, `"id":-2,`),
	want:    untold("robot"),
	asks: []string{
		"GET /admin/users.json?asc=true&order=username&page=1&show_emails=true",
		"GET /admin/users.json?asc=true&order=username&page=2&show_emails=true",
		"GET /admin/users/{id}.json",
		"GET /session/current.json",
	},
	headers:       map[string]string{"Api-Key": "sandbox-token", "Api-Username": "caller"},
	remove:        []string{"DELETE /admin/users/{id}.json?delete_posts=false"},
	disable:       []string{`PUT /admin/users/{id}/suspend.json {"reason":"Not used for a long time","suspend_until":"3017-01-01"}`},
	extras:        map[string]extra{"delete_posts": {remove: []string{"DELETE /admin/users/{id}.json?delete_posts=true"}, removes: []string{"writer"}}},
	weak:          "404",
	twice:         "failed",
	disabledTwice: "refused",
}

var entra = system{
	values: params("tenant", "acme", "login", "{url}"),
	enters: "POST /acme/oauth2/v2.0/token client_id=sandbox-client&client_secret=sandbox-secret&grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
	signIn: oauth2,
	accounts: []account{
		{name: "app", login: 300 * day, action: 3 * day, want: "keep active"}, // an application signs in for it
		{name: "app only", action: 300 * day, want: "remove inactive"},
		{name: "ancient", login: 1000 * day, want: "remove inactive"}, // has no lastSuccessfulSignInDateTime, which began in December 2023
		{name: "null", is: field("signInActivity", "null"), want: "keep last_login_unknown"},
		{name: "zero", is: field("signInActivity", "zero"), want: "keep last_login_unknown"},
		{name: "guest", login: 300 * day, is: guest, want: "remove inactive"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
		{name: "hidden", login: 300 * day, is: hidden, want: "not listed"},
		{name: "member", login: 300 * day, is: roles("Sales"), want: "remove inactive"},
		{name: "member of much", login: 300 * day, is: both(roles("Sales", "All"), field("memberships", "many")), want: "remove inactive"},
		// The recheck finds the roles of administrators.
		{name: "second page", login: 300 * day, is: both(both(admin, roles("Sales", "All")), field("memberships", "many")), want: "remove inactive", removal: "kept", disabling: "kept"},
		{name: "of a unit", login: 300 * day, is: field("unit", "Berlin"), want: "remove inactive", removal: "kept", disabling: "kept"},
	},
	want: merge(untold("robot", "boss"), unknown("unused", "fresh"), are("keep active", "caller")),
	kept: []string{"boss"}, // the recheck finds its role
	asks: []string{
		"GET /v1.0/users?%24select=id%2CdisplayName%2CuserPrincipalName%2Cmail%2CotherMails%2CproxyAddresses%2CmailNickname%2ConPremisesSamAccountName%2CuserType%2CaccountEnabled%2CcreatedDateTime%2CsignInActivity&%24top=100",
		"GET /v1.0/users/{id}?%24select=id%2CdisplayName%2CuserPrincipalName%2Cmail%2CotherMails%2CproxyAddresses%2CmailNickname%2ConPremisesSamAccountName%2CuserType%2CaccountEnabled%2CcreatedDateTime%2CsignInActivity",
		"GET /v1.0/users/{id}/transitiveMemberOf?%24select=id&%24top=999",
		"GET /v1.0/roleManagement/directory/roleAssignments?%24filter=principalId+eq+%27{id}%27",
		"GET /v1.0/me",
	},
	headers: bearer,
	most:    120,
	remove:  []string{"DELETE /v1.0/users/{id}"},
	disable: []string{`PATCH /v1.0/users/{id} {"accountEnabled":false}`},
	blind:   "completed",
}

var gitea = system{
	accounts: []account{
		{name: "west", created: 200 * day, is: field("zone", "-05:00"), want: "remove never_logged_in"},
		{name: "utc", created: 200 * day, is: field("zone", "+00:00"), want: "remove never_logged_in"},
		{name: "zero", created: 200 * day, is: field("last_login", "hidden"), want: "keep last_login_unknown"}, // the response to a caller without the right to see it
		{name: "unconfirmed", login: 300 * day, is: field("active", "false"), want: "remove inactive"},
		{name: "owner", login: 300 * day, is: owner, want: "remove inactive", removal: "refused_by_directory"},
		{name: "a.b-c_d", login: 300 * day, want: "remove inactive"},
		{name: "tokens", login: 300 * day, action: 3 * day, want: "keep active"}, // activity through the API or git over HTTP
		{name: "tokens-once", login: 400 * day, action: 300 * day, want: "remove inactive"},
		{name: "ssh", login: 300 * day, is: keyUsed(3 * day), want: "keep active"},
		{name: "ssh-once", login: 400 * day, is: keyUsed(300*day, 350*day), want: "remove inactive"},
		{name: "ssh-only", created: 400 * day, is: keyUsed(300*day, 3*day), want: "keep active"},
		{
			name: "ldap", login: 300 * day, is: field("login_name", "uid=ldap", "source_id", "3"), want: "remove inactive",
			sends: `PATCH /api/v1/admin/users/{username} {"login_name":"uid=ldap","prohibit_login":true,"source_id":3}`,
		},
	},
	want: are("not listed", "robot"),
	asks: []string{
		"GET /api/v1/admin/users?limit=50&page=1",
		"GET /api/v1/admin/users?limit=50&page=2",
		"GET /api/v1/users/{username}",
		"GET /api/v1/users/{username}/activities/feeds?limit=1&only-performed-by=true",
		"GET /api/v1/users/{username}/keys?limit=50&page=1",
		"GET /api/v1/user",
	},
	headers:   map[string]string{"Authorization": "token sandbox-token"},
	counts:    true,
	remove:    []string{"DELETE /api/v1/admin/users/{username}?purge=false"},
	disable:   []string{`PATCH /api/v1/admin/users/{username} {"login_name":"{username}","prohibit_login":true,"source_id":0}`},
	extras:    map[string]extra{"purge": {remove: []string{"DELETE /api/v1/admin/users/{username}?purge=true"}, removes: []string{"owner"}}},
	meanwhile: map[string]string{"renamed": "kept", "succeeded": "kept"},
}

var githubEnterprise = system{
	logins: true,
	accounts: []account{
		{name: "acme", login: 300 * day, is: field("type", "Organization"), want: "keep service_account"},
		{name: "migrated", login: 300 * day, is: field("type", "Mannequin"), want: "keep service_account"},
		{name: "pusher", login: 300 * day, action: 3 * day, want: "keep active"},
		{name: "stopped", login: 300 * day, action: 60 * day, want: "remove inactive"},
		{name: "synced", login: 300 * day, is: field("ldap_dn", "uid=synced"), want: "remove inactive", disabling: "refused_by_directory"},
		{name: "a-b_c", login: 300 * day, want: "remove inactive"},
	},
	want: unknown("unused", "fresh"),
	weak: "partial", // only the removals are refused
	asks: []string{
		"GET /api/v3/users?per_page=100",
		"GET /api/v3/users/{username}",
		"GET /api/v3/users/{username}/events?per_page=1",
		"GET /api/v3/user",
	},
	headers:      map[string]string{"Authorization": "Bearer sandbox-token", "Accept": "application/vnd.github+json"},
	most:         100,
	remove:       []string{"DELETE /api/v3/admin/users/{username}"},
	disable:      []string{"PUT /api/v3/users/{username}/suspended"},
	tooMany:      http.StatusForbidden,
	twice:        "failed", // a token without the scope gets 404 as well
	disabledGone: "failed",
	meanwhile: map[string]string{
		"returned": "removed", // the activity file is older than the login
		"renamed":  "kept", "succeeded": "kept",
	},
}

var gitlab = system{
	accounts: []account{
		{name: "owner", login: 300 * day, is: owner, want: "remove inactive", removal: "refused_by_directory"},
		// Each of the three times is the newest one once.
		{name: "returning", login: 20 * day, is: both(field("no_activity", "1"), moment("previous", 300*day, time.RFC3339)), want: "keep active"},
		{name: "pusher", login: 300 * day, action: 5 * day, want: "keep active"},
		{name: "previous", login: 20 * day, is: field("only_previous", "1", "no_activity", "1"), want: "keep active"},
		{name: "long gone", login: 200 * day, is: field("only_previous", "1", "no_activity", "1"), want: "remove inactive"},
		{name: "blocked", login: 300 * day, is: both(blocked, field("state", "blocked")), want: "remove inactive"},
		{name: "banned", login: 300 * day, is: both(blocked, field("state", "banned")), want: "remove inactive"},
		{name: "ldap", login: 300 * day, is: both(blocked, field("state", "ldap_blocked")), want: "remove inactive"},
		{name: "pending", login: 300 * day, is: both(blocked, field("state", "blocked_pending_approval")), want: "remove inactive"},
		{name: "ghost", login: 300 * day, is: field("internal", "1"), want: "not listed"},
		{name: "basic", login: 300 * day, is: field("basic", "1"), want: "keep last_login_unknown"},
		{name: "external", login: 300 * day, is: guest, want: "remove inactive"},
	},
	// The last activity is a date, which means the end of that day.
	want: merge(are("not listed", "robot"), are("keep active", "past")),
	weak: "completed", // no last login is visible
	asks: []string{
		"GET /api/v4/users?exclude_internal=true&humans=true&order_by=id&pagination=keyset&per_page=100&sort=asc",
		"GET /api/v4/users/{id}",
		"GET /api/v4/user",
	},
	headers: map[string]string{"Private-Token": "sandbox-token", "Authorization": ""},
	most:    100,
	remove:  []string{"DELETE /api/v4/users/{id}?hard_delete=false"},
	disable: []string{"POST /api/v4/users/{id}/block"},
	extras:  map[string]extra{"hard_delete": {remove: []string{"DELETE /api/v4/users/{id}?hard_delete=true"}, removes: []string{"owner"}}},
}

var googleWorkspace = system{
	values: func(v *profile.Values, url string) {
		v.Params = map[string]string{"login": url}
		v.Actor = "caller@example.com"
	},
	enters: "POST /token assertion=*&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer",
	signIn: func(v *profile.Values, _ string) {
		v.ClientID, v.ClientSecret = sandbox.DefaultClientID, keyPEM()
	},
	accounts: []account{
		{name: "archived", login: 300 * day, is: field("archived", "true"), want: "remove inactive"},
		{name: "delegate", login: 300 * day, is: field("isDelegatedAdmin", "true"), want: "keep admin"},
		{name: "hidden", login: 300 * day, is: hidden, want: "not listed"},
		{name: "loginless", login: 300 * day, is: field("lastLoginTime", "absent"), want: "keep last_login_unknown"},
		{name: "flagless", login: 300 * day, is: field("isAdmin", "absent"), want: "keep last_login_unknown"},
	},
	want: untold("robot"),
	asks: []string{
		"GET /admin/directory/v1/users?customer=my_customer&maxResults=500&orderBy=email",
		"GET /admin/directory/v1/users?customer=my_customer&maxResults=7&orderBy=email", // the 15 accounts may be a full page
		"GET /admin/directory/v1/users/{id}",
		"GET /admin/directory/v1/users/caller@example.com",
	},
	headers: bearer,
	most:    500,
	remove:  []string{"DELETE /admin/directory/v1/users/{id}"},
	disable: []string{`PATCH /admin/directory/v1/users/{id} {"suspended":true}`},
	blind:   "failed", // the response has no users, not even the caller
	tooMany: http.StatusForbidden,
	vague:   true,
}

var grafana = system{
	values: basic,
	accounts: []account{
		{name: "ann", login: 300 * day, want: "remove inactive"}, // the search for it finds the next two as well
		{name: "anna", login: 3 * day, want: "keep active"},
		{name: "joanne", created: 3 * day, want: "keep never_logged_in"},
		{name: "a&b c+d=é", login: 300 * day, want: "remove inactive"},
		{name: "external", login: 300 * day, is: field("external", "1"), want: "remove inactive", disabling: "refused_by_directory"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
	},
	want: are("not listed", "robot"),
	asks: []string{
		"GET /api/users/search?page=1&perpage=1000",
		"GET /api/users/search?page=2&perpage=1000",
		"GET /api/users/{id}",
		"GET /api/users/search?page=1&perpage=1000&query={username?}",
		"GET /api/user",
	},
	headers: map[string]string{"Authorization": "Basic Y2FsbGVyOnNhbmRib3gtc2VjcmV0"},
	counts:  true,
	remove:  []string{"DELETE /api/admin/users/{id}"},
	disable: []string{"POST /api/admin/users/{id}/disable"},
}

var harbor = system{
	values: basic,
	logins: true,
	accounts: []account{
		{name: "puller", login: 300 * day, action: 3 * day, want: "keep active"},
		{name: "Capital", login: 300 * day, is: did(entry{"action", 3 * day, []string{"username", "capital"}}), want: "keep active"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
	},
	want: merge(untold("robot"), unknown("unused", "fresh"), are("not listed", "caller")),
	asks: []string{
		"GET /api/v2.0/auditlog-exts?page=1&page_size=100&sort=id",
		"GET /api/v2.0/users?page=1&page_size=100&sort=user_id",
		"GET /api/v2.0/users?page=2&page_size=100&sort=user_id",
		"GET /api/v2.0/users/{id}",
		"GET /api/v2.0/users/current",
	},
	headers: map[string]string{"Authorization": "Basic Y2FsbGVyOnNhbmRib3gtc2VjcmV0"},
	most:    100, counts: true,
	remove: []string{"DELETE /api/v2.0/users/{id}"},
	meanwhile: map[string]string{ // the log is not read again, and the activity file has the old names
		"returned": "removed", "renamed": "kept", "succeeded": "kept",
	},
}

var harborLog = func() system {
	s := harbor
	s.logins = false
	s.values = func(v *profile.Values, url string) {
		basic(v, url)
		v.Params = map[string]string{"coverage": "log"}
	}
	s.accounts = append(s.accounts,
		account{name: "silent", is: did(), want: "remove inactive"},                                                            // has no entry since the oldest one
		account{name: "younger", created: 300 * day, is: did(), want: "remove never_logged_in"},                                // created after the oldest one
		account{name: "failing", is: did(entry{"login", day, []string{"operation_result", "false"}}), want: "remove inactive"}, // a failed login proves nothing
		account{name: "ci", is: did(entry{"login", day, []string{"username", "robot$ci"}}), want: "remove inactive"},           // a robot's entry, not this account's
		account{name: "rarely", is: did(entry{"login", 300 * day, nil}, entry{"login", 100 * day, nil}), want: "remove inactive"},
		account{name: "lately", is: did(entry{"login", 300 * day, nil}, entry{"login", 3 * day, nil}), want: "keep active"},
		account{name: "since", is: did(entry{"login", 3 * day, []string{"operation_result", "false"}}, entry{"action", 5 * day, nil}), want: "keep active"},
	)
	s.want = merge(untold("robot"), are("not listed", "caller"))
	s.meanwhile = map[string]string{"returned": "removed"}
	return s
}()

var itflex = system{
	logins: true,
	enters: `POST /api/v1/oauth2/token {"grant_type":"refresh_token","refresh_token":"sandbox-secret"}`,
	signIn: func(v *profile.Values, _ string) { v.ClientSecret = sandbox.DefaultSecret },
	accounts: []account{
		{name: "worker", login: 300 * day, action: 3 * day, want: "keep active"},
		{name: "helper", login: 300 * day, is: roles("Sales"), want: "keep protected_role"},
		{name: "seller", login: 300 * day, is: roles("VPN"), want: "remove inactive"},
	},
	protect: "sales",
	want:    merge(untold("robot"), unknown("unused", "fresh")),
	asks: []string{
		"GET /api/audit/logs?cursor=0&size=100",
		"GET /api/users?cursor=0&size=100",
		"GET /api/users/{id}",
		"GET /api/user/info",
	},
	headers:   bearer,
	remove:    []string{"DELETE /api/users/{id}"},
	meanwhile: map[string]string{"returned": "removed", "renamed": "kept", "succeeded": "kept"},
}

var keycloak = system{
	values: params("realm", "acme", "coverage", "log"),
	enters: "POST /realms/acme/protocol/openid-connect/token client_id=sandbox-client&client_secret=sandbox-secret&grant_type=client_credentials&scope=openid",
	signIn: oauth2,
	accounts: append(slices.Clone(keycloakAccounts),
		account{name: "eventless", is: did(), want: "remove inactive"},                             // has no event since the oldest one
		account{name: "younger", created: 300 * day, is: did(), want: "remove never_logged_in"},    // created after the oldest one
		account{name: "failing", is: did(entry{"login_error", day, nil}), want: "remove inactive"}, // a failed login proves nothing
	),
	want: merge(untold("boss"), are("keep active", "caller"), are("not listed", "robot")),
	asks: []string{
		"GET /admin/realms/acme/events?first=0&max=500&type=LOGIN",
		"GET /admin/realms/acme/events?first=*&max=500&type=LOGIN",
		"GET /admin/realms/acme/users?first=0&max=100",
		"GET /admin/realms/acme/users?first=100&max=100",
		"GET /admin/realms/acme/users/{id}",
		"GET /admin/realms/acme/users/{id}/sessions",
		"GET /admin/realms/acme/events?max=100&user={id}",
		"GET /admin/realms/acme/users/{id}/consents",
		"GET /realms/acme/protocol/openid-connect/userinfo",
	},
	headers:   bearer,
	most:      1000,
	remove:    []string{"DELETE /admin/realms/acme/users/{id}"},
	disable:   []string{`PUT /admin/realms/acme/users/{id} {"enabled":false}`},
	meanwhile: map[string]string{"promoted": "removed"},
	blind:     "completed",
}

var keycloakAccounts = []account{
	{name: "refresher", login: 400 * day, is: did(entry{"login", 400 * day, nil}, entry{"action", 2 * day, nil}), want: "keep active"},
	{name: "live", login: 400 * day, is: did(entry{"login", 400 * day, nil}, entry{"session", time.Hour, nil}), want: "keep active"},
	{name: "offline", login: 400 * day, is: field("offline", "mail-app"), want: "keep last_login_unknown"},
	{name: "ldap", login: 400 * day, is: field("federationLink", "c0ffee"), want: "keep service_account"},
	{name: "service-account-ci", login: 400 * day, want: "keep service_account"},
	{name: "mailless", login: 400 * day, is: mailless, want: "remove inactive"},
	{name: "hidden", login: 400 * day, is: hidden, want: "not listed"},
	{name: "protected", login: 400 * day, is: field("removable", "false"), want: "remove inactive", removal: "refused_by_directory"},
	{name: "read-only", login: 400 * day, is: field("editMode", "READ_ONLY"), want: "remove inactive", disabling: "refused_by_directory"},
	{name: "anonymous", login: 400 * day, is: did(entry{"login", 400 * day, nil}, entry{"login_error", day, []string{"anonymous", "1"}}), want: "remove inactive"},
}

var keycloakComplete = func() system {
	s := keycloak
	s.values = params("realm", "acme", "coverage", "complete")
	s.accounts = append(slices.Clone(keycloakAccounts),
		account{name: "eventless", is: did(), want: "remove never_logged_in"},
		account{name: "failing", is: did(entry{"login_error", day, nil}), want: "remove never_logged_in"},
	)
	return s
}()

var kratosTable = system{
	open:   true,
	values: params("coverage", "complete"),
	accounts: []account{
		{name: "sessionless", is: did(), want: "remove never_logged_in"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
	},
	want: merge(untold("boss", "robot"), are("keep active", "caller")),
	asks: []string{
		"GET /admin/sessions?expand=identity&page_size=1000",
		"GET /admin/identities?page_size=250",
		"GET /admin/identities/{id}",
		"GET /admin/identities/{id}/sessions?page_size=1",
		"GET /admin/identities/{id}/sessions?active=true&page_size=250",
	},
	headers:   bearer,
	most:      500,
	remove:    []string{"DELETE /admin/identities/{id}"},
	disable:   []string{`PATCH /admin/identities/{id} [{"op":"replace","path":"/state","value":"inactive"}]`},
	meanwhile: map[string]string{"promoted": "removed"},
}

var maestro = system{
	values: func(v *profile.Values, _ string) { v.Actor = "caller" },
	enters: `POST /auth/sign-in {"password":"sandbox-secret","username":"caller"}`,
	signIn: func(v *profile.Values, _ string) { v.Username, v.Password = "caller", sandbox.DefaultSecret },
	accounts: []account{
		{name: "seconds", is: field("lastLogin", `1577880000`), want: "remove inactive"},
		{name: "milliseconds", is: field("lastLogin", `1577880000000`), want: "remove inactive"},
		{name: "text", is: field("lastLogin", `"1577880000"`), want: "remove inactive"},
		{name: "date", is: field("lastLogin", `"2020-01-01"`), want: "remove inactive"},
		{name: "today", is: moment("lastLogin", 0, `"2006-01-02"`), want: "keep active"},
		{name: "yesterday", is: moment("lastLogin", day, `"2006-01-02T15:04:05.000000"`), want: "keep active"}, // a time without a zone is UTC
		{name: "nanoseconds", is: moment("lastLogin", 300*day, `"2006-01-02T15:04:05.000000000-07:00"`), want: "remove inactive"},
		{name: "null", is: field("lastLogin", `null`), want: "keep never_logged_in"},
		{name: "nothing", is: field("lastLogin", `""`), want: "keep never_logged_in"},
		{name: "zero", is: field("lastLogin", `0`), want: "keep never_logged_in"},
		{name: "1970", is: field("lastLogin", `"1969-12-31T21:00:00-03:00"`), want: "keep never_logged_in"},
		{name: "year one", is: field("lastLogin", `"0001-01-01T00:00:00Z"`), want: "keep never_logged_in"},
		{name: "ages ago", is: field("lastLogin", `"1999-12-31T23:59:59Z"`), want: "keep last_login_unknown"},
		{name: "tomorrow", is: moment("lastLogin", -2*day, `"2006-01-02"`), want: "keep last_login_unknown"},
		{name: "words", is: field("lastLogin", `"a year ago"`), want: "keep last_login_unknown"},
		{name: "an object", is: field("lastLogin", `{"at":"2020-01-01"}`), want: "keep last_login_unknown"},
	},
	want:    merge(untold("boss", "robot"), are("keep never_logged_in", "unused")),
	asks:    []string{"GET /users"},
	headers: map[string]string{"Authorization": "sandbox-token", "Dadosfera-User": "caller", "Dadosfera-Lang": "pt-br"},
	remove:  []string{"DELETE /users/{id}"},
	meanwhile: map[string]string{ // the API can't read a single account
		"promoted": "removed", "returned": "removed", "replaced": "removed", "left": "already_gone sent",
	},
}

var mattermost = system{
	accounts: []account{
		{name: "poster", login: 300 * day, action: 3 * day, want: "keep active"},
		{name: "integration", action: 3 * day, is: field("never_online", "1"), want: "keep active"},
		{name: "silent", created: 300 * day, action: 200 * day, is: field("never_online", "1"), want: "remove never_logged_in"},
		{name: "session", login: 300 * day, is: did(entry{"login", 4 * day, nil}), want: "keep active"},
		{name: "manager", login: 300 * day, is: roles("system_manager"), want: "keep admin"},
		{name: "reader", login: 300 * day, is: roles("system_read_only_admin"), want: "keep admin"},
		{name: "people", login: 300 * day, is: roles("system_user_manager"), want: "keep admin"},
		{name: "auditor", login: 300 * day, is: roles("support", "auditor"), want: "keep protected_role"},
		{name: "remote", login: 300 * day, is: field("remote_id", "qbbbrfg8ejkmcpqxot1uwisza3"), want: "keep service_account"},
		{name: "guest", login: 300 * day, is: guest, want: "remove inactive"},
		{name: "deactivated", login: 300 * day, is: deactivated, want: "not listed"},
		{name: "a.b-c_d", login: 300 * day, want: "remove inactive"},
		{name: "single", login: 300 * day, is: field("sso", "saml"), want: "remove inactive"},
	},
	protect: "auditor",
	want:    are("not listed", "robot", "locked"),
	asks: []string{
		"GET /api/v4/reports/users?hide_inactive=true&page_size=100&sort_column=Username",
		"GET /api/v4/reports/users?from_column_value=unused&from_id=*&hide_inactive=true&page_size=100&sort_column=Username",
		"GET /api/v4/users/{id}",
		"GET /api/v4/users/{id}/status",
		"GET /api/v4/users/{id}/sessions",
		"GET /api/v4/users/me",
	},
	headers:   bearer,
	most:      100,
	remove:    []string{"DELETE /api/v4/users/{id}?permanent=false"},
	disable:   []string{`PUT /api/v4/users/{id}/active {"active":false}`},
	extras:    map[string]extra{"permanent": {remove: []string{"DELETE /api/v4/users/{id}?permanent=true"}, refused: true}},
	twice:     "removed",
	meanwhile: map[string]string{"deactivated": "already_gone", "disabled": "already_gone"},
}

var nextcloud = system{
	values: basic,
	accounts: []account{
		{name: "hidden", login: 300 * day, is: hidden, want: "keep last_login_unknown"},
		{name: "administrator", login: 300 * day, is: roles("administrators", "my admin"), want: "remove inactive"},
		{name: "a@b.example", login: 300 * day, want: "remove inactive"},
		{name: "x y", login: 300 * day, want: "remove inactive"},
		{name: "50+é", login: 300 * day, want: "remove inactive"},
		{name: "50%+é", login: 300 * day, want: "keep unsafe_id"},
		{name: "up/down", login: 300 * day, want: "keep unsafe_id"},
		{name: "7", login: 300 * day, want: "remove inactive"},
		{name: "up/../admin", login: 300 * day, want: "keep unsafe_id"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
		{name: "stuck", login: 300 * day, is: owner, want: "remove inactive", removal: "refused_by_directory"},
	},
	want: merge(untold("robot"), are("keep never_logged_in", "unused")),
	asks: []string{
		"GET /ocs/v2.php/cloud/users/details?limit=200&offset=0",
		"GET /ocs/v2.php/cloud/users/details?limit=200&offset=200",
		"GET /ocs/v2.php/cloud/users/{id}",
		"GET /ocs/v2.php/cloud/user",
	},
	headers:      map[string]string{"Authorization": "Basic Y2FsbGVyOnNhbmRib3gtc2VjcmV0", "Ocs-Apirequest": "true", "Accept": "application/json"},
	most:         1000,
	remove:       []string{"DELETE /ocs/v2.php/cloud/users/{id}"},
	disable:      []string{"PUT /ocs/v2.php/cloud/users/{id}/disable"},
	disabledGone: "refused", // the response is that of a backend that can't disable
	meanwhile:    map[string]string{"replaced": "removed"},
	blind:        "completed",
}

var okta = system{
	accounts: []account{
		{name: "staged", created: 3 * day, is: field("status", "STAGED"), want: "keep never_logged_in"},
		{name: "locked out", login: 300 * day, is: field("status", "LOCKED_OUT"), want: "remove inactive", disabling: "refused_by_directory"},
		{name: "helpdesk", login: 300 * day, is: both(admin, field("role_type", "HELP_DESK_ADMIN")), want: "keep admin"},
		{name: "custom", login: 300 * day, is: both(admin, field("role_type", "CUSTOM")), want: "keep admin"},
		{name: "deactivated", login: 300 * day, is: deactivated, want: "not listed"},
		{name: "hidden", login: 300 * day, is: hidden, want: "not listed"},
	},
	want: untold("robot"),
	asks: []string{
		"GET /api/v1/users?limit=200",
		"GET /api/v1/users/{id}",
		"GET /api/v1/users/{id}/roles",
		"GET /api/v1/users/me",
	},
	headers:       map[string]string{"Authorization": "SSWS sandbox-token"},
	most:          200,
	remove:        []string{"DELETE /api/v1/users/{id}?sendEmail=false", "DELETE /api/v1/users/{id}?sendEmail=false"},
	disable:       []string{"POST /api/v1/users/{id}/lifecycle/suspend"},
	disabledTwice: "refused",
	meanwhile:     map[string]string{"deactivated": "removed at once"},
	blind:         "completed",
}

var redmineTable = system{
	accounts: []account{{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"}},
	want:     merge(untold("robot"), are("not listed", "locked")),
	asks: []string{
		"GET /users.json?limit=100&offset=0&sort=login&status=1",
		"GET /users.json?limit=100&offset=*&sort=login&status=1",
		"GET /users/{id}.json",
		"GET /users/current.json",
	},
	headers: map[string]string{"X-Redmine-Api-Key": "sandbox-token"},
	counts:  true,
	remove:  []string{"DELETE /users/{id}.json"},
}

var scim = system{
	logins: true,
	accounts: []account{
		{name: "inactive", login: 300 * day, is: field("active", "absent"), want: "remove inactive"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
		{name: "dateless", login: 300 * day, is: dateless, want: "remove inactive"},
		{name: "odd", login: 300 * day, is: id("a|b c=d"), want: "remove inactive"},
		{name: "odder", login: 300 * day, is: id("a/b c?d"), want: "keep unsafe_id"},
	},
	want: merge(untold("boss", "robot"), unknown("unused", "fresh"), are("keep active", "caller")),
	asks: []string{
		"GET /Users?count=100&startIndex=1",
		"GET /Users?count=100&startIndex=*",
		"GET /Users/{id}",
	},
	headers:   map[string]string{"Authorization": "Bearer sandbox-token", "Accept": "application/scim+json, application/json"},
	counts:    true,
	remove:    []string{"DELETE /Users/{id}"},
	disable:   []string{`PATCH /Users/{id} {"Operations":[{"op":"replace","path":"active","value":false}],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`},
	meanwhile: map[string]string{"promoted": "removed", "returned": "removed", "renamed": "kept", "succeeded": "kept"},
}

var snipeIT = system{
	accounts: []account{
		{name: "holder", login: 300 * day, is: owner, want: "remove inactive", removal: "refused_by_directory"},
		{name: "almost", login: 300 * day, is: both(admin, field("superuser", "0", "admin", "1")), want: "keep admin"},
		{name: "denied", login: 300 * day, is: both(admin, field("superuser", "-1", "admin", "0")), want: "remove inactive"},
		{name: "broken", is: field("last_login", "0000-00-00 (Invalid datetime value.)"), want: "keep last_login_unknown"},
		{name: "grouped", login: 300 * day, is: roles("Helpdesk"), want: "remove inactive"},
		{name: "o'neill & <co>", login: 300 * day, want: "remove inactive"},
		{name: "dateless", is: dateless, want: "keep never_logged_in"},
		{name: "removed", login: 300 * day, is: deactivated, want: "not listed"},
		{name: "worker", login: 300 * day, action: 3 * day, want: "keep active"}, // activity through the API
		{name: "worked", login: 400 * day, action: 300 * day, want: "remove inactive"},
		{name: "remote", login: 300 * day, is: did(entry{kind: "remote", ago: 3 * day}), want: "remove inactive"}, // only a superuser sees these entries
		{name: "attacked", login: 300 * day, is: did(entry{kind: "failed", ago: 3 * day}), want: "remove inactive"},
	},
	want: untold("robot"),
	asks: []string{
		"GET /api/v1/users?limit=500&offset=0&order=asc&sort=id",
		"GET /api/v1/users?limit=500&offset=*&order=asc&sort=id",
		"GET /api/v1/users/{id}",
		"GET /api/v1/reports/activity?created_by={id}&limit=1&order=desc&sort=created_at",
		"GET /api/v1/users/me",
	},
	headers:      map[string]string{"Authorization": "Bearer sandbox-token", "Accept": "application/json"},
	counts:       true,
	remove:       []string{"DELETE /api/v1/users/{id}"},
	disable:      []string{`PATCH /api/v1/users/{id} {"activated":false}`},
	disabledGone: "failed", // the response is 200 with an error in its body
	meanwhile:    map[string]string{"deactivated": "already_gone"},
}

var synapse = system{
	accounts: []account{
		{name: "support", login: 300 * day, is: field("user_type", "support"), want: "keep service_account"},
		{name: "bridged", login: 300 * day, is: field("appservice", "irc"), want: "keep service_account"}, // only reading the account alone shows it
		{name: "contractor", login: 300 * day, is: field("user_type", "contractor"), want: "remove inactive"},
		{name: "guest", login: 300 * day, is: guest, want: "remove inactive"},
		{name: "deactivated", login: 300 * day, is: deactivated, want: "not listed"},
		{name: "mailless", login: 300 * day, is: mailless, want: "remove inactive"},
		{name: "up/down", login: 300 * day, want: "keep unsafe_id"},
		{name: "a=b+c", login: 300 * day, want: "remove inactive"},
		{name: "forgotten", login: 100 * day, want: "remove inactive"},                                           // reading the account alone shows no last login older than 28 days
		{name: "refused", login: 300 * day, is: owner, want: "remove inactive", removal: "refused_by_directory"}, // a module of the server refuses
	},
	want: unknown("unused", "fresh"),
	asks: []string{
		"GET /_synapse/admin/v2/users?deactivated=false&from=0&limit=500&locked=true&order_by=name",
		"GET /_synapse/admin/v2/users?deactivated=false&from=0&limit=10&locked=true&order_by=name", // the 20 accounts may be a full page
		"GET /_synapse/admin/v2/users/{id}",
		"GET /_synapse/admin/v2/users?deactivated=true&from=0&limit=500&locked=true&order_by=name&user_id={id?}",
		"GET /_matrix/client/v3/account/whoami",
	},
	headers: bearer,
	counts:  true,
	remove:  []string{`POST /_synapse/admin/v1/deactivate/{id} {"erase":false}`},
	disable: []string{`PUT /_synapse/admin/v2/users/{id} {"locked":true}`},
	extras:  map[string]extra{"erase": {remove: []string{`POST /_synapse/admin/v1/deactivate/{id} {"erase":true}`}}},
	twice:   "removed",
	// The request would create the account.
	disabledGone: "failed",
	meanwhile:    map[string]string{"deactivated": "already_gone"},
}

var zitadel = system{
	values: params("coverage", "complete"),
	enters: "POST /oauth/v2/token client_id=sandbox-client&client_secret=sandbox-secret&grant_type=client_credentials&scope=openid+urn%3Azitadel%3Aiam%3Aorg%3Aproject%3Aid%3Azitadel%3Aaud",
	signIn: oauth2,
	accounts: []account{
		{name: "sessionless", is: did(), want: "remove never_logged_in"},
		{name: "typist", is: did(entry{"login", day, []string{"unproven", "1"}}), want: "remove never_logged_in"}, // a session in which only the name was entered
		{name: "both", login: 300 * day, is: did(entry{"login", 300 * day, nil}, entry{"login", day, []string{"unproven", "1"}}), want: "remove inactive"},
		{name: "lasting", is: did(entry{"login", 300 * day, []string{"expires", "now 720h"}}), want: "keep last_login_unknown"},
		{name: "lasted", is: did(entry{"login", 300 * day, []string{"expires", "now -240h"}}), want: "keep active"},
		{name: "expired", is: did(entry{"login", 300 * day, []string{"expires", "now -4800h"}}), want: "remove inactive"},
		{name: "initial", created: 300 * day, is: field("state", "USER_STATE_INITIAL"), want: "remove never_logged_in", disabling: "refused_by_directory"},
		{name: "dateless", login: 300 * day, is: dateless, want: "remove inactive"},
	},
	want: untold("boss"),
	asks: []string{
		`POST /v2/sessions/search {"query":{"asc":true,"limit":100,"offset":0},"sortingColumn":"SESSION_FIELD_NAME_CREATION_DATE"}`,
		`POST /v2/sessions/search {"query":{"asc":true,"limit":100,"offset":100},"sortingColumn":"SESSION_FIELD_NAME_CREATION_DATE"}`,
		`POST /v2/users {"query":{"asc":true,"limit":100,"offset":0}}`,
		`POST /v2/users {"query":{"asc":true,"limit":100,"offset":100}}`,
		"GET /v2/users/{id}",
		`POST /v2/sessions/search {"queries":[{"userIdQuery":{"id":"{id:}"}}],"query":{"limit":1000},"sortingColumn":"SESSION_FIELD_NAME_CREATION_DATE"}`,
		"GET /auth/v1/users/me",
	},
	headers: bearer,
	most:    1000, counts: true,
	remove:        []string{"DELETE /v2/users/{id}"},
	disable:       []string{"POST /v2/users/{id}/deactivate {}"},
	disabledTwice: "refused",
	meanwhile:     map[string]string{"promoted": "removed"},
	blind:         "failed", // the total also counts hidden accounts
}
