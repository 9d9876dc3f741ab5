package profile

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// TestNames: an account goes by every name and address that its system gives it. Each row
// is what the system says of one account, and its username, email and aliases.
func TestNames(t *testing.T) {
	const scim = `{"id":"1","userName":"ana",`
	tests := []struct {
		rule, profile, item string
		want                string
	}{
		{"SCIM: as in RFC 7643", "scim", scim + `"emails":[{"value":"h@x.test","type":"home"},{"value":"w@x.test","primary":true}]}`, "ana w@x.test [h@x.test]"},
		{"SCIM: none is primary", "scim", scim + `"emails":[{"value":"h@x.test"},{"value":"w@x.test","primary":false}]}`, "ana h@x.test [w@x.test]"},
		{"SCIM: primary as a text", "scim", scim + `"emails":[{"value":"h@x.test","primary":"False"},{"value":"w@x.test","primary":"True"}]}`, "ana w@x.test [h@x.test]"},
		{"SCIM: primary as a text in lower case", "scim", scim + `"emails":[{"value":"h@x.test"},{"value":"w@x.test","primary":"true"}]}`, "ana w@x.test [h@x.test]"},
		{"SCIM: plain texts", "scim", scim + `"emails":["h@x.test","w@x.test"]}`, "ana h@x.test [w@x.test]"},
		{"SCIM: texts and objects", "scim", scim + `"emails":["h@x.test",{"value":"w@x.test"}]}`, "ana h@x.test [w@x.test]"},
		{"SCIM: objects and texts", "scim", scim + `"emails":[{"value":"w@x.test"},"h@x.test"]}`, "ana w@x.test [h@x.test]"},
		{"SCIM: one object", "scim", scim + `"emails":{"value":"w@x.test","primary":true}}`, "ana w@x.test []"},
		{"SCIM: one text", "scim", scim + `"emails":"w@x.test"}`, "ana w@x.test []"},
		{"SCIM: no addresses", "scim", scim + `"emails":[]}`, "ana  []"},
		{"SCIM: null", "scim", scim + `"emails":null,"externalId":"701984"}`, "ana  [701984]"},
		{"SCIM: an address without a value", "scim", scim + `"emails":[{"type":"home"},{"value":null},{"value":"w@x.test"}]}`, "ana w@x.test []"},

		{"Entra: proxy addresses", "entra", `{"id":"1","userPrincipalName":"ana@acme.test","mail":"ana@x.test","otherMails":["a@home.test"],"proxyAddresses":["SMTP:ana@x.test","smtp:a.smith@x.test","X500:/o=Acme","sip:ana@sip.test"],"mailNickname":"anas","onPremisesSamAccountName":"asmith","accountEnabled":true}`,
			"ana@acme.test ana@x.test [a@home.test SMTP:ana@x.test smtp:a.smith@x.test a.smith@x.test X500:/o=Acme sip:ana@sip.test ana@sip.test anas asmith]"},
		{"Entra: none", "entra", `{"id":"1","userPrincipalName":"ana@acme.test","mail":null,"otherMails":[],"proxyAddresses":[],"mailNickname":null,"accountEnabled":true}`, "ana@acme.test  []"},
		{"Google Workspace", "google-workspace", `{"id":"1","primaryEmail":"ana@x.test","aliases":["a@x.test"],"nonEditableAliases":["ana@x.test.test-google-a.com"],"emails":[{"address":"ana@home.test","type":"home"},{"address":"ana@x.test","primary":true}],"isAdmin":false,"isDelegatedAdmin":false,"suspended":false}`,
			"ana@x.test ana@x.test [a@x.test ana@x.test.test-google-a.com ana@home.test]"},
		{"GitLab", "gitlab", `{"id":1,"username":"ana","email":"ana@x.test","public_email":"pub@x.test","commit_email":"com@x.test","is_admin":false,"bot":false,"state":"active"}`, "ana ana@x.test [pub@x.test com@x.test]"},
		{"GitLab: none", "gitlab", `{"id":1,"username":"ana","email":"ana@x.test","public_email":"","commit_email":null,"is_admin":false,"bot":false,"state":"active"}`, "ana ana@x.test []"},
		{"Okta", "okta", `{"id":"1","status":"ACTIVE","profile":{"login":"ana@x.test","email":"a@x.test","secondEmail":"ana@home.test"}}`, "ana@x.test a@x.test [ana@home.test]"},
		{"Gitea", "gitea", `{"id":1,"login":"ana","email":"ana@x.test","login_name":"uid=ana","is_admin":false,"prohibit_login":false}`, "ana ana@x.test [uid=ana]"},
		{"Nextcloud", "nextcloud", `{"id":"ana","email":"ana@x.test","additional_mail":["ana@home.test"],"enabled":true,"groups":[]}`, "ana ana@x.test [ana@home.test]"},
		{"Auth0: linked accounts", "auth0", `{"user_id":"auth0|1","email":"ana@x.test","identities":[{"user_id":"1","connection":"c"},{"user_id":"2","profileData":{"email":"ana@home.test","username":"anas"}}]}`, " ana@x.test [ana@home.test anas]"},
		{"Discourse", "discourse", `{"id":1,"username":"ana","email":"ana@x.test","secondary_emails":["ana@home.test"],"admin":false,"moderator":false,"staged":false}`, "ana ana@x.test [ana@home.test]"},
		{"Kratos", "kratos", `{"id":"1","traits":{"email":"ana@x.test"},"verifiable_addresses":[{"value":"ana@x.test"},{"value":"v@x.test"}],"recovery_addresses":[{"value":"r@x.test"}],"state":"active"}`, " ana@x.test [v@x.test r@x.test]"},
		{"Zitadel", "zitadel", `{"userId":"1","username":"ana","loginNames":["ana@acme.test","ana"],"preferredLoginName":"ana@acme.test","state":"USER_STATE_ACTIVE","human":{"email":{"email":"ana@x.test"}}}`, "ana ana@x.test [ana@acme.test]"},
		{"Synapse", "synapse", `{"name":"@ana:x.test","threepids":[{"medium":"msisdn","address":"447470274584"},{"medium":"email","address":"ana@x.test"}],"external_ids":[{"auth_provider":"oidc","external_id":"sub-1"}],"admin":false,"locked":false,"deactivated":false}`, "@ana:x.test ana@x.test [447470274584 sub-1]"},
		{"Snipe-IT: escaped", "snipe-it", `{"id":1,"username":"o&#039;neill","email":"r&amp;d@x.test","activated":true,"permissions":{}}`, "o'neill r&d@x.test []"},
	}
	for _, tt := range tests {
		p := builtin(t, tt.profile)
		r, err := NewAccountReader(p, p.Bind(Values{}))
		if err != nil {
			t.Fatal(err)
		}
		u, err := r.Account("", gjson.Parse(tt.item))
		if err != nil {
			t.Errorf("%s: %v", tt.rule, err)
			continue
		}
		if got := u.Username + " " + u.Email + " [" + strings.Join(u.Aliases, " ") + "]"; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
}

func TestNamesInAProfile(t *testing.T) {
	p := sketch(t, "", ", username: n, email: [a, b], names: [c, d.e], roles: r, escaped: html", "")
	r, err := NewAccountReader(p, p.Bind(Values{}))
	if err != nil {
		t.Fatal(err)
	}
	for item, want := range map[string]string{
		`{"id":1,"n":"x","a":"p","b":"q","c":"s","d":{"e":["t",7,null,true,"",{"f":1},["u"]]},"r":[]}`: "x p [q s t 7 u] []",
		`{"id":1,"n":"x","a":{},"b":"q","r":["R&amp;D"]}`:                                              "x q [] [R&D]",
		`{"id":1,"n":"x&lt;","a":null,"c":["p&gt;","q","q","x<"],"r":[]}`:                              "x<  [p> q] []",
	} {
		u, err := r.Account("", gjson.Parse(item))
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Username + " " + u.Email + " [" + strings.Join(u.Aliases, " ") + "] [" + strings.Join(u.Roles, " ") + "]"; got != want {
			t.Errorf("%s: %s, want %s", item, got, want)
		}
		caller, err := r.Caller(gjson.Parse(item), "")
		if err != nil || !slices.Equal(slices.Collect(caller.Names()), slices.Collect(u.Names())) {
			t.Errorf("%s: the caller is %+v, and the account %+v; %v", item, caller, u, err)
		}
	}
	p = sketch(t, "", ", username: n, email: mails.#.at, optional: [username, email]", "")
	if r, err = NewAccountReader(p, p.Bind(Values{})); err != nil {
		t.Fatal(err)
	}
	for item, want := range map[string]string{
		`{"id":1,"n":["x","y"],"mails":[{"at":"p@x.test"},{"at":"SMTP:q@x.test"}]}`: "x p@x.test [y SMTP:q@x.test q@x.test]",
		`{"id":1,"n":"x","mails":[{"at":"smtp:p@x.test"}]}`:                         "x smtp:p@x.test [p@x.test]",
		`{"id":1,"n":"x","mails":[]}`:                                               "x  []",
		`{"id":1,"n":{"a":"b"},"mails":"m@x.test"}`:                                 "  [m@x.test]",
		`{"id":1,"n":"x","mails":["m@x.test",{"at":"p@x.test"}]}`:                   "x p@x.test [m@x.test]",
		`{"id":1,"n":"x","mails":{"work":"m@x.test","kind":"a"}}`:                   "x  [m@x.test]",
		`{"id":1,"n":"x","mails":[{"other":"m@x.test"}]}`:                           "x  [m@x.test]",
	} {
		u, err := r.Account("", gjson.Parse(item))
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Username + " " + u.Email + " [" + strings.Join(u.Aliases, " ") + "]"; got != want {
			t.Errorf("%s: %s, want %s", item, got, want)
		}
	}
	p = sketch(t, "", ", username: n, email: mail, names: more, optional: [username, email]", "")
	if r, err = NewAccountReader(p, p.Bind(Values{})); err != nil {
		t.Fatal(err)
	}
	for item, want := range map[string]string{
		`{"id":1,"n":"x","mail":"Ana <a@x.test>"}`:                               `x|Ana <a@x.test>|a@x.test`,
		`{"id":1,"n":"x","mail":"a@x.test; b@x.test,c@x.test"}`:                  `x|a@x.test; b@x.test,c@x.test|a@x.test|b@x.test|c@x.test`,
		`{"id":1,"n":"x","mail":"SMTP:a@x.test|smtp:b@x.test"}`:                  `x|SMTP:a@x.test|smtp:b@x.test|a@x.test|smtp:b@x.test|SMTP:a@x.test|a@x.test|smtp:b@x.test|b@x.test`,
		`{"id":1,"n":"x","mail":"\"a\"@x.test"}`:                                 `x|"a"@x.test|a@x.test`,
		`{"id":1,"n":"x","mail":"a%40x.test"}`:                                   `x|a%40x.test|a@x.test`,
		`{"id":1,"n":"zo%C3%AB"}`:                                                `zo%C3%AB||zoë`,
		`{"id":1,"n":"100%"}`:                                                    `100%|`,
		`{"id":1,"n":"Smith, Ana"}`:                                              `Smith, Ana|`,
		`{"id":1,"n":"x","mail":{"value":"a@x.test","type":"work"}}`:             `x|a@x.test`,
		`{"id":1,"n":"x","more":[{"value":"a@x.test","type":"work"},{"t":"b"}]}`: `x||a@x.test`,
		`{"id":1,"n":"x","more":{"work":"a@x.test","home":["b@x.test"]}}`:        `x||a@x.test|b@x.test`,
		`{"id":1,"n":"x","more":[["a"],["b@x.test",[["c"]]]]}`:                   `x||a|b@x.test|c`,
		`{"id":1,"n":"x","more":[[[[["a"]]]]]}`:                                  `x|`,
		`{"id":1,"n":"x","more":"a, b"}`:                                         `x||a, b`,
	} {
		u, err := r.Account("", gjson.Parse(item))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(append([]string{u.Username, u.Email}, u.Aliases...), "|")
		if got != want {
			t.Errorf("%s: %s, want %s", item, got, want)
		}
	}
	_, err = sketchText(t, "", ", escaped: xml", "")
	wantError(t, err, "user.escaped", `"xml" is not html`)
	_, err = sketchText(t, "", ", names: []", "")
	if err != nil {
		t.Error(err)
	}
}
