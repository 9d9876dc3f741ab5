package profiles_test

import (
	"maps"
	"strings"
	"time"

	"dormant/client"
	"dormant/client/sandbox"
)

// basic signs in as the caller, with the password.
func basic(v *client.Values, _ string) {
	*v = client.Values{Username: "caller", Password: sandbox.DefaultSecret, Params: v.Params, Actor: v.Actor}
}

// clientCredentials are those of OAuth2.
func clientCredentials(v *client.Values, _ string) {
	v.ClientID, v.ClientSecret = sandbox.DefaultClientID, sandbox.DefaultSecret
}

// params are what the profile's placeholders stand for; {url} is the directory's.
func params(pairs ...string) func(*client.Values, string) {
	return func(v *client.Values, url string) {
		v.Params = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			v.Params[pairs[i]] = strings.ReplaceAll(pairs[i+1], "{url}", url)
		}
	}
}

// untold are the decisions where the directory tells no such accounts from others.
func untold(kinds ...string) map[string]string {
	want := map[string]string{}
	for _, kind := range kinds {
		want[kind] = "remove inactive"
	}
	return want
}

// unknown are the decisions about accounts whose last login is not known.
func unknown(names ...string) map[string]string {
	want := map[string]string{}
	for _, name := range names {
		want[name] = "keep last_login_unknown"
	}
	return want
}

func merge(all ...map[string]string) map[string]string {
	want := map[string]string{}
	for _, each := range all {
		maps.Copy(want, each)
	}
	return want
}

var longAgo = time.Now().Add(-1000 * day).UTC().Truncate(time.Second)

// oauth2 is a sign-in below the directory's own URL.
var oauth2 = clientCredentials

var systems = map[string]system{
	"atlassian": {
		values:  params("org", "acme"),
		want:    merge(untold("boss"), unknown("unused", "fresh"), map[string]string{"caller": "keep active", "past": "keep active"}), // by the day
		remove:  []string{"POST /users/{id}/manage/lifecycle/delete"},
		disable: []string{"POST /users/{id}/manage/lifecycle/disable"},
		twice:   "failed",
	},
	"auth0": {
		values:  params("audience", "{url}/api/v2/"),
		signIn:  oauth2,
		want:    merge(untold("boss", "robot"), map[string]string{"caller": "keep active"}),
		remove:  []string{"DELETE /api/v2/users/{id}"},
		disable: []string{`PATCH /api/v2/users/{id} {"blocked":true}`},
		twice:   "removed",
	},
	"authentik": {
		weak:    "refused", // there is nobody to be seen but oneself
		remove:  []string{"DELETE /api/v3/core/users/{id}/"},
		disable: []string{`PATCH /api/v3/core/users/{id}/ {"is_active":false}`},
	},
	"discourse": {
		values: func(v *client.Values, _ string) { v.Actor = "caller" },
		accounts: []sandbox.User{
			{Username: "writer", LastLogin: longAgo, Created: longAgo, Owns: true},
		},
		want:    map[string]string{"writer": "remove inactive", "robot": "remove inactive"},
		refuses: []string{"writer"},
		remove:  []string{"DELETE /admin/users/{id}.json?delete_posts=false"},
		disable: []string{`PUT /admin/users/{id}/suspend.json {"reason":"Not used for a long time","suspend_until":"3017-01-01"}`},
		twice:   "failed",
	},
	"entra": {
		values:   params("tenant", "acme", "login", "{url}"),
		signIn:   oauth2,
		want:     merge(untold("robot", "boss"), unknown("unused", "fresh"), map[string]string{"caller": "keep active"}),
		rethinks: []string{"boss"}, // who is an administrator is looked up then
		remove:   []string{"DELETE /v1.0/users/{id}"},
		disable:  []string{`PATCH /v1.0/users/{id} {"accountEnabled":false}`},
	},
	"gitea": {
		accounts: []sandbox.User{
			{Username: "owner", LastLogin: longAgo, Created: longAgo, Owns: true},
		},
		want:    map[string]string{"robot": "not listed", "owner": "remove inactive"},
		refuses: []string{"owner"},
		remove:  []string{"DELETE /api/v1/admin/users/{username}?purge=false"},
		disable: []string{`PATCH /api/v1/admin/users/{username} {"login_name":"{username}","prohibit_login":true,"source_id":0}`},
	},
	"github-enterprise": {
		logins:  true,
		want:    unknown("unused", "fresh"),
		weak:    "partial", // everything can be read
		remove:  []string{"DELETE /api/v3/admin/users/{username}"},
		disable: []string{"PUT /api/v3/users/{username}/suspended"},
		twice:   "failed",
	},
	"gitlab": {
		accounts: []sandbox.User{
			{Username: "owner", LastLogin: longAgo, Created: longAgo, Owns: true},
		},
		// The last activity is a date: the end of that day.
		want:    map[string]string{"robot": "not listed", "owner": "remove inactive", "past": "keep active"},
		refuses: []string{"owner"},
		weak:    "refused", // nobody's last login is to be seen
		remove:  []string{"DELETE /api/v4/users/{id}?hard_delete=false"},
		disable: []string{"POST /api/v4/users/{id}/block"},
	},
	"google-workspace": {
		values: func(v *client.Values, url string) {
			v.Params = map[string]string{"login": url}
			v.Actor = "caller@example.com"
		},
		signIn: func(v *client.Values, _ string) {
			v.ClientID, v.ClientSecret = sandbox.DefaultClientID, keyPEM()
		},
		want:    untold("robot"),
		remove:  []string{"DELETE /admin/directory/v1/users/{id}"},
		disable: []string{`PATCH /admin/directory/v1/users/{id} {"suspended":true}`},
	},
	"grafana": {
		values:  basic,
		want:    map[string]string{"robot": "not listed"},
		remove:  []string{"DELETE /api/admin/users/{id}"},
		disable: []string{"POST /api/admin/users/{id}/disable"},
	},
	"harbor": {
		values: func(v *client.Values, url string) {
			basic(v, url)
			v.Params = map[string]string{"coverage": "log"}
		},
		want:   merge(untold("robot"), map[string]string{"caller": "not listed"}),
		remove: []string{"DELETE /api/v2.0/users/{id}"},
	},
	"itflex": {
		logins: true,
		signIn: func(v *client.Values, _ string) { v.ClientSecret = sandbox.DefaultSecret },
		want:   merge(untold("robot"), unknown("unused", "fresh")),
		remove: []string{"DELETE /api/users/{id}"},
	},
	"keycloak": {
		values:  params("realm", "acme", "coverage", "log"),
		signIn:  oauth2,
		want:    merge(untold("boss"), map[string]string{"caller": "keep active", "robot": "not listed"}),
		remove:  []string{"DELETE /admin/realms/acme/users/{id}"},
		disable: []string{`PUT /admin/realms/acme/users/{id} {"enabled":false}`},
	},
	"kratos": {
		open:    true,
		values:  params("coverage", "complete"),
		want:    merge(untold("boss", "robot"), map[string]string{"caller": "keep active"}),
		remove:  []string{"DELETE /admin/identities/{id}"},
		disable: []string{`PATCH /admin/identities/{id} [{"op":"replace","path":"/state","value":"inactive"}]`},
	},
	"maestro": {
		values: func(v *client.Values, _ string) { v.Actor = "caller" },
		signIn: func(v *client.Values, _ string) { v.Username, v.Password = "caller", sandbox.DefaultSecret },
		want:   merge(untold("boss", "robot"), map[string]string{"unused": "keep never_logged_in"}),
		remove: []string{"DELETE /users/{id}"},
	},
	"mattermost": {
		want:    map[string]string{"robot": "not listed", "locked": "not listed"},
		remove:  []string{"DELETE /api/v4/users/{id}?permanent=false"},
		disable: []string{`PUT /api/v4/users/{id}/active {"active":false}`},
		twice:   "removed",
	},
	"nextcloud": {
		values:  basic,
		want:    merge(untold("robot"), map[string]string{"unused": "keep never_logged_in"}),
		remove:  []string{"DELETE /ocs/v2.php/cloud/users/{id}"},
		disable: []string{"PUT /ocs/v2.php/cloud/users/{id}/disable"},
	},
	"okta": {
		want:    untold("robot"),
		remove:  []string{"DELETE /api/v1/users/{id}?sendEmail=false", "DELETE /api/v1/users/{id}?sendEmail=false"},
		disable: []string{"POST /api/v1/users/{id}/lifecycle/suspend"},
	},
	"redmine": {
		want:   merge(untold("robot"), map[string]string{"locked": "not listed"}),
		remove: []string{"DELETE /users/{id}.json"},
	},
	"scim": {
		logins:  true,
		base:    "",
		want:    merge(untold("boss", "robot"), unknown("unused", "fresh"), map[string]string{"caller": "keep active"}),
		remove:  []string{"DELETE /Users/{id}"},
		disable: []string{`PATCH /Users/{id} {"Operations":[{"op":"replace","path":"active","value":false}],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`},
	},
	"snipe-it": {
		accounts: []sandbox.User{
			{Username: "holder", LastLogin: longAgo, Created: longAgo, Owns: true},
		},
		want:    merge(untold("robot"), map[string]string{"holder": "remove inactive"}),
		refuses: []string{"holder"},
		remove:  []string{"DELETE /api/v1/users/{id}"},
		disable: []string{`PATCH /api/v1/users/{id} {"activated":false}`},
	},
	"synapse": {
		want:    unknown("unused", "fresh"),
		remove:  []string{`POST /_synapse/admin/v1/deactivate/{id} {"erase":false}`},
		disable: []string{`PUT /_synapse/admin/v2/users/{id} {"locked":true}`},
		twice:   "removed",
	},
	"zitadel": {
		values:  params("coverage", "complete"),
		signIn:  oauth2,
		want:    untold("boss"),
		remove:  []string{"DELETE /v2/users/{id}"},
		disable: []string{"POST /v2/users/{id}/deactivate {}"},
	},
}
