package client

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"dormant/client/profile"
)

// TestFlags: a flag that is unknown hides the last login, and what it is said to
// be is read all the same.
func TestFlags(t *testing.T) {
	const user = `, last_login: last, admin: [a, {path: b, in: [root], missing: false}], service_account: {path: kind, in: ["bot*"]}, disabled: {path: active, in: [false]},
		roles: {path: roles, split: ","}, optional: [roles, disabled, service_account]`
	for item, want := range map[string]string{
		`{"a":false,"kind":"x","active":true}`:                 "known",
		`{"a":true,"kind":"x","active":true}`:                  "known admin",
		`{"a":false,"b":"root","kind":"x","active":true}`:      "known admin",
		`{"a":false,"kind":"bot7","active":true}`:              "known service",
		`{"a":false,"kind":"x","active":false}`:                "known disabled",
		`{"a":true,"kind":"bot","active":false}`:               "known admin service disabled",
		`{"kind":"x","active":true}`:                           "hidden",
		`{"b":"root","kind":"x","active":true}`:                "known admin",
		`{"a":false,"active":true}`:                            "hidden",
		`{"a":false,"kind":"x"}`:                               "hidden",
		`{"a":false,"kind":"x","active":null}`:                 "hidden",
		`{"a":true,"kind":null,"active":false}`:                "hidden admin disabled",
		`{"a":false,"kind":"x","active":true,"roles":"a, b"}`:  `known ["a" "b"]`,
		`{"a":false,"kind":"x","active":true,"roles":""}`:      `known []`,
		`{"a":false,"kind":"x","active":true,"roles":" , "}`:   `known []`,
		`{"a":false,"kind":"x","active":true,"roles":["a,b"]}`: `known ["a,b"]`,
		`{"a":false,"kind":"x","active":true,"roles":null}`:    "known",
		`{"a":false,"kind":"x","active":true,"roles":5}`:       "line 3: user.roles",
		`{"a":1,"kind":"x","active":true}`:                     "line 2: user.admin",
	} {
		s := serve(t, routes{"GET /users": `{"users":[` + strings.Replace(item, "{", `{"id":1,"last":"2020-01-01",`, 1) + `]}`})
		users, err := all(t, s, connect(t, s, sketch(t, "", user, "")))
		if strings.HasPrefix(want, "line") {
			wantError(t, err, "page 1, item 1", want)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", item, err)
			continue
		}
		u := users[0]
		got := u.LastLogin.State.String()
		if u.Admin {
			got += " admin"
		}
		if u.ServiceAccount {
			got += " service"
		}
		if u.Disabled {
			got += " disabled"
		}
		if u.Roles != nil {
			got += fmt.Sprintf(" %q", u.Roles)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", item, got, want)
		}
	}
}

// TestLastLogin has what a last login means that is not there, or is no time.
func TestLastLogin(t *testing.T) {
	for user, rows := range map[string]map[string]string{
		`last_login: last`:                                             {`{}`: "absent", `{"last":null}`: "never", `{"last":""}`: "never", `{"last":"?"}`: "unreadable"},
		`last_login: {path: last, missing: hidden}`:                    {`{}`: "hidden", `{"last":null}`: "never"},
		`last_login: {path: last, missing: never}`:                     {`{}`: "never", `{"last":0}`: "never"},
		`last_login: {path: last, missing: never, empty: hidden}`:      {`{}`: "never", `{"last":null}`: "hidden", `{"last":"0001-01-01T00:00:00Z"}`: "hidden"},
		`last_login: {path: last, empty: absent}`:                      {`{}`: "absent", `{"last":null}`: "absent", `{"last":"2024-05-01"}`: "2024-05-01T23:59:59Z"},
		`last_login: {path: last, empty: absent, missing: hidden}`:     {`{}`: "hidden", `{"last":0}`: "absent"},
		`last_login: {path: last, layout: DD.MM.YYYY, zone: "{zone}"}`: {`{"last":"01.05.2024"}`: "2024-05-01T21:59:59Z", `{"last":"2024-05-01"}`: "unreadable", `{"last":"0"}`: "never"},
		`last_login: {path: last, missing: never, never_if: {path: n, in: [0], missing: true}}`: {
			`{}`: "never", `{"n":0}`: "never", `{"n":"0"}`: "never", `{"n":1}`: "hidden", `{"last":null,"n":3}`: "hidden", `{"last":null,"n":0}`: "never",
			`{"last":"2024-05-01","n":0}`: "2024-05-01T23:59:59Z", `{"last":"?","n":0}`: "unreadable",
		},
		`last_login: {path: last, never_if: unused}`: {
			`{"last":null}`: "hidden", `{"last":null,"unused":true}`: "never", `{"last":null,"unused":false}`: "hidden", `{"last":null,"unused":"true"}`: "hidden", `{"unused":true}`: "absent",
		},
		`last_login: {path: last, empty: hidden, never_if: unused}`: {`{"last":null,"unused":true}`: "hidden"},
	} {
		p := sketch(t, "", ", "+user+", optional: [last_login]", "params: {zone: Europe/Berlin}\n")
		for item, want := range rows {
			s := serve(t, routes{"GET /users": `{"users":[` + strings.Replace(strings.Replace(item, "{", `{"id":1,`, 1), ",}", "}", 1) + `]}`})
			users, err := all(t, s, connect(t, s, p))
			if err != nil || users[0].LastLogin.String() != want {
				t.Errorf("%s: %s is %v, %v; want %s", user, item, users, err, want)
			}
		}
	}
}

// TestCreatedOnTheDay: a date is the end of its day, and who logged in on that
// day did not do so before there was an account.
func TestCreatedOnTheDay(t *testing.T) {
	now := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	for user, rows := range map[string]map[string]string{
		`created: made, last_login: last`: {
			`"made":"2024-05-01","last":"2024-05-01T10:00:00Z"`:           "known",
			`"made":"2024-05-01","last":"2024-05-01T00:00:00Z"`:           "known",
			`"made":"2024-05-01","last":"2024-04-30T23:59:59Z"`:           "never", // before the account
			`"made":"2024-05-01","last":"2024-05-01"`:                     "known",
			`"made":"2024-05-01T12:00:00Z","last":"2024-05-01T11:59:59Z"`: "never",
			`"made":"2024-05-01T12:00:00Z","last":"2024-05-01T12:00:00Z"`: "known",
			`"made":"2024-05-01","last":null`:                             "never",
			`"made":"2024-05-01","last":"?"`:                              "unreadable",
			`"made":null,"last":"2024-05-01"`:                             "known undated",
			`"made":"","last":"2024-05-01"`:                               "known undated",
			`"last":"2024-05-01"`:                                         "known undated",
			`"made":"once","last":"2024-05-01"`:                           "known",
			`"made":0,"last":"2024-05-01"`:                                "known",
		},
		`created: {path: made, layout: DD.MM.YYYY, zone: America/Los_Angeles}, last_login: last`: {
			`"made":"01.05.2024","last":"2024-05-01T07:00:00Z"`: "known", `"made":"01.05.2024","last":"2024-05-02T06:59:59Z"`: "known",
			`"made":"01.05.2024","last":"2024-05-01T06:59:58Z"`: "never", `"made":"2024-05-01","last":"2024-05-01T07:00:00Z"`: "known",
		},
		`created: {path: made, zone: Asia/Tokyo}, last_login: {path: last, zone: Asia/Tokyo}`: {
			`"made":"2024-05-01","last":"2024-05-01 00:00:01"`: "known", `"made":"2024-05-01","last":"2024-04-30 23:59:58"`: "never",
		},
		`created: [made, born], last_login: last`: {`"made":"2024-05-01","born":"2024-06-01","last":"2024-05-15"`: "never"},
	} {
		p := sketch(t, "", ", "+user+", optional: [created]", "")
		for item, want := range rows {
			s := serve(t, routes{"GET /users": `{"users":[{"id":1,` + item + `}]}`})
			users, err := all(t, s, connect(t, s, p))
			if err != nil {
				t.Errorf("%s: %s: %v", user, item, err)
				continue
			}
			got := users[0].LastLogin.Normalize(users[0].Created, now).State.String()
			if users[0].Undated {
				got += " undated"
			}
			if got != want {
				t.Errorf("%s: %s: %s, created %s; want %s", user, item, got, users[0].Created, want)
			}
		}
	}
}

func TestZones(t *testing.T) {
	p := sketch(t, "", `, created: {path: made, zone: "{zone}"}`, "params: {zone: UTC}\n")
	for zone, ok := range map[string]bool{"": true, "UTC": true, "Europe/Berlin": true, "Nowhere": false, "../../etc/passwd": false, "europe berlin": false} {
		_, err := New(Options{Profile: p, URL: &url.URL{Scheme: "http", Host: "127.0.0.1"}, Timeout: time.Second, Values: profile.Values{Token: token, Params: map[string]string{"zone": zone}}})
		if (err == nil) != ok {
			t.Errorf("%q: %v", zone, err)
		}
		if !ok {
			wantError(t, err, "own.yaml", "line 2: user")
		}
	}
}
