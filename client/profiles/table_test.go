package profiles_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"dormant/client"
	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

var systems = map[string]system{
	"atlassian":                 atlassian,
	"atlassian, next is null":   judged(atlassian, func(s *system) { s.answers = lastLink(`null`) }),
	"atlassian, next is empty":  judged(atlassian, func(s *system) { s.answers = lastLink(`""`) }),
	"atlassian, remove-undated": judged(atlassian, func(s *system) { s.never = job.NeverRemoveUndated }),
	"auth0":                     auth0,
	"auth0, no usernames": judged(auth0, func(s *system) {
		s.answers = func(_ *http.Request, _ *int, _ http.Header, body []byte) []byte {
			return without(body, map[string]bool{"username": true})
		}
	}),
	"authentik": authentik,
	"authentik, no sessions": judged(authentik, func(s *system) { // the server does not list sessions
		s.answers = failing(http.MethodGet, "/authenticated_sessions/", http.StatusNotFound, `{"detail": "Not found."}`)
		s.values = params("sessions", "none")
		s.accounts = []account{{name: "session", login: 200 * day, is: did(entry{"login", day, nil}), want: "remove inactive"}}
	}),
	"authentik, remove-undated": judged(authentik, func(s *system) {
		s.never = job.NeverRemoveUndated
		s.accounts = []account{{name: "dateless", is: dateless, want: "remove never_logged_in"}}
	}),
	"discourse":             discourse,
	"entra":                 entra,
	"entra, remove-undated": judged(entra, func(s *system) { s.never = job.NeverRemoveUndated }),
	"entra, no sign-ins": judged(entra, func(s *system) { // no signInActivity, as on pages that are too large
		s.answers = func(_ *http.Request, _ *int, _ http.Header, body []byte) []byte {
			return without(body, map[string]bool{"signInActivity": true})
		}
		s.want, s.accounts = merge(allUnknown, unknown("caller", "boss", "robot")), nil
	}),
	"gitea":             gitea,
	"github-enterprise": githubEnterprise,
	"github-enterprise, no file": judged(githubEnterprise, func(s *system) {
		s.logins, s.accounts, s.want = false, nil, merge(allUnknown, unknown("listed")) // its email is not looked up
	}),
	"gitlab":           gitlab,
	"google-workspace": googleWorkspace,
	"grafana":          grafana,
	"grafana, never kept": judged(grafana, func(s *system) {
		s.never, s.accounts = job.NeverKeep, nil
		s.want = merge(s.want, are("keep never_logged_in", "unused"))
	}),
	"harbor":           harbor,
	"harbor, coverage": harborLog,
	"harbor, no addresses": judged(harbor, func(s *system) {
		s.every, s.accounts = mailless, nil
		s.want = merge(s.want, untold("listed"))
	}),
	"harbor, short log": judged(harborLog, func(s *system) {
		s.every, s.accounts = short, nil
		s.want = merge(allUnknown, unknown("robot"), are("keep active", "busy"), are("not listed", "caller"))
	}),
	"harbor, nothing": judged(harbor, func(s *system) {
		s.logins, s.accounts = false, nil
		s.want = merge(allUnknown, unknown("robot"), are("not listed", "caller"), are("keep active", "busy", "edge"))
	}),
	"itflex": itflex,
	"itflex, last_login": judged(itflex, func(s *system) {
		s.logins, s.accounts = false, nil
		s.options = func(o *sandbox.Options) { o.WithLastLogin = true }
	}),
	"itflex, cloud": judged(itflex, func(s *system) { // the cloud has no log, and its last cursor is ""
		s.values = params("audit", "none")
		s.accounts = []account{{name: "worker", login: 400 * day, action: 3 * day, want: "remove inactive"}}
		s.answers = func(r *http.Request, status *int, _ http.Header, body []byte) []byte {
			if r.URL.Path == "/api/audit/logs" {
				*status = http.StatusNotFound
			}
			body = bytes.ReplaceAll(body, []byte(`"users":`), []byte(`"data":`))
			return bytes.ReplaceAll(body, []byte(`"next":null`), []byte(`"next":""`))
		}
	}),
	"keycloak":           keycloak,
	"keycloak, complete": keycloakComplete,
	"keycloak, short log": judged(keycloak, func(s *system) {
		s.every = short
		s.want = merge(allUnknown, unknown("boss"), are("not listed", "robot"), are("keep active", "caller", "busy"))
		s.accounts = []account{{name: "refresher", login: 400 * day, is: did(entry{"action", 2 * day, nil}), want: "keep active"}}
	}),
	"keycloak, life": judged(keycloak, func(s *system) {
		s.values = params("realm", "acme")
		s.want = merge(allUnknown, unknown("boss"), are("not listed", "robot"), are("keep active", "caller", "busy", "edge"))
		s.accounts = []account{
			{name: "eventless", is: did(), want: "keep last_login_unknown"},
			{name: "offline", login: 400 * day, is: field("offline", "mail-app"), want: "keep last_login_unknown"},
		}
	}),
	"kratos": kratosTable,
	"kratos, life": judged(kratosTable, func(s *system) {
		s.values, s.accounts = nil, nil
		s.want = merge(allUnknown, unknown("boss", "robot"), are("keep active", "caller", "busy", "edge"))
	}),
	"maestro": maestro,
	"maestro, scheme": judged(maestro, func(s *system) {
		s.values = func(v *profile.Values, url string) {
			params("scheme", "Bearer")(v, url)
			v.Actor = "caller"
		}
	}),
	"maestro, remove-undated": judged(maestro, func(s *system) {
		s.never, s.accounts = job.NeverRemoveUndated, nil
		s.want = merge(s.want, are("remove never_logged_in", "unused", "fresh"))
	}),
	"mattermost": mattermost,
	"nextcloud":  nextcloud,
	"nextcloud, groups": judged(nextcloud, func(s *system) {
		s.protect = "sales"
		s.accounts = []account{
			{name: "seller", login: 300 * day, is: roles("Staff", "Sales"), want: "keep protected_role"},
			{name: "staff", login: 300 * day, is: roles("Staff"), want: "remove inactive"},
			{name: "hidden", login: 300 * day, is: hidden, want: "keep protected_role"}, // its groups are not visible
		}
	}),
	"nextcloud, remove-undated": judged(nextcloud, func(s *system) {
		s.never, s.accounts = job.NeverRemoveUndated, []account{{name: "hidden", is: hidden, want: "keep last_login_unknown"}}
		s.want = merge(s.want, are("remove never_logged_in", "unused", "fresh"))
	}),
	"okta": okta,
	"okta, deprovisioned": judged(okta, func(s *system) { // the second step of an earlier run failed
		s.only = []string{"decides", "asks", "removes", "removes twice", "disables"}
		s.values = params("filter", `status eq "DEPROVISIONED"`, "scheme", "Bearer")
		s.headers = bearer
		s.every, s.accounts = both(deactivated, blocked), nil
		s.asks = slices.Clone(s.asks)
		s.asks[0] = "GET /api/v1/users?filter=status+eq+%22DEPROVISIONED%22&limit=200"
		s.remove = s.remove[:1]
	}),
	"redmine": redmineTable,
	"redmine, locked": judged(redmineTable, func(s *system) {
		s.values = params("status", "3")
		s.want = merge(are("not listed", "caller", "busy", "edge", "past", "gone", "unused", "fresh", "boss", "robot", "listed"), untold("locked"))
		s.accounts = nil
	}),
	"scim": scim,
	"scim, another vendor": func() system {
		s := scim
		s.base = "/odd"
		s.accounts = nil
		s.asks, s.remove, s.disable = below("/odd", s.asks), below("/odd", s.remove), below("/odd", s.disable)
		return s
	}(),
	"scim, groups": judged(scim, func(s *system) { // the response leaves out groups if there are none, so they are unknown
		s.protect = "sales"
		s.want = merge(are("keep protected_role", "caller", "busy", "edge", "past", "gone", "unused", "fresh", "boss", "robot", "locked"))
		s.accounts = []account{
			{name: "seller", login: 300 * day, is: roles("Staff", "Sales"), want: "keep protected_role"},
			{name: "buyer", login: 300 * day, is: roles("Purchase"), want: "remove inactive"},
		}
	}),
	"scim, no file": judged(scim, func(s *system) {
		s.logins, s.accounts = false, nil
		s.want = merge(allUnknown, unknown("caller", "boss", "robot"))
	}),
	"snipe-it": snipeIT,
	"snipe-it, groups": judged(snipeIT, func(s *system) { // groups is null for an account without groups
		s.protect = "helpdesk"
		s.accounts = []account{
			{name: "helper", login: 300 * day, is: roles("Helpdesk"), want: "keep protected_role"},
			{name: "other", login: 300 * day, is: roles("Staff"), want: "remove inactive"},
		}
	}),
	"snipe-it, attempts": judged(snipeIT, func(s *system) {
		s.values = params("attempts", "life")
		s.accounts = slices.Clone(s.accounts)
		for i, a := range s.accounts {
			if a.name == "remote" {
				s.accounts[i].want = "keep active"
			}
		}
	}),
	"snipe-it, no reports": judged(snipeIT, func(s *system) {
		s.values = params("reports", "none")
		s.accounts = []account{{name: "worker", login: 300 * day, action: 3 * day, want: "remove inactive"}}
	}),
	"snipe-it, east": judged(snipeIT, func(s *system) {
		s.values = params("zone", "Europe/Berlin") // in March, the server's times are then read as one hour earlier
		s.accounts = []account{{name: "near", login: 90*day - 50*time.Minute, want: "remove inactive"}}
		s.want = merge(s.want, untold("edge"))
	}),
	"snipe-it, west": judged(snipeIT, func(s *system) {
		s.values = params("zone", "America/Sao_Paulo")
		s.accounts = []account{
			{name: "near", login: 90*day + 170*time.Minute, want: "keep active"},
			{name: "far", login: 90*day + 190*time.Minute, want: "remove inactive"},
		}
		s.want = merge(s.want, are("keep active", "past"))
	}),
	"synapse": synapse,
	"synapse, remove-undated": judged(synapse, func(s *system) {
		s.never, s.accounts = job.NeverRemoveUndated, nil
	}),
	"synapse, no guests": judged(synapse, func(s *system) {
		s.values = params("guests", "false")
		s.accounts = []account{{name: "guest", login: 400 * day, is: guest, want: "not listed"}}
	}),
	"zitadel": zitadel,
	"zitadel, life": judged(zitadel, func(s *system) {
		s.values = nil
		s.want = merge(allUnknown, unknown("boss"), are("keep active", "busy", "edge"))
		s.accounts = []account{{name: "sessionless", is: did(), want: "keep last_login_unknown"}}
	}),
}

// scenesOf are further tests of single systems, by the key in systems and a name.
var scenesOf = map[string]map[string]func(s system, t *testing.T, now time.Time){
	"entra": {
		"administrators without a second look": func(s system, t *testing.T, now time.Time) {
			d := s.serve(t, "entra", now, nil)
			before := d.Users()
			run := s.cleanup(t, s.connect(t, "entra", d, false, nil), d, false)
			run.Recheck = false
			r := run.Run(t.Context(), now)
			if !slices.Contains(d.results(t, before, r), "boss failed") || slices.Contains(d.names(t, before, d.Removed()), "boss") {
				t.Error(d.results(t, before, r))
			}
		},
	},
	"gitea": {
		"a disabling that did nothing": undone("gitea", failing(http.MethodPatch, "", http.StatusOK, `{"login":"gone","prohibit_login":false}`), (*client.Client).Disable),
		// After a rename, the server redirects the old name until another account takes it.
		"renamed, and a newcomer has the name": func(s system, t *testing.T, now time.Time) {
			for _, disables := range []bool{false, true} {
				d := s.serve(t, "gitea", now, nil)
				c := s.connect(t, "gitea", d, false, nil)
				moved, _ := d.Find("gone")
				var newcomer string
				var taken atomic.Bool
				d.before = func(w http.ResponseWriter, r *http.Request) bool {
					if !taken.Load() || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/users/gone") {
						return false
					}
					w.Header().Set("Location", strings.TrimSuffix(r.URL.Path, "gone")+"moved")
					w.WriteHeader(http.StatusTemporaryRedirect)
					return true
				}
				run := s.cleanup(t, between{c, func(u job.User) {
					if u.ID == moved.ID {
						_ = d.Update(moved.ID, func(u *sandbox.User) { u.Username = "moved" })
						newcomer, _ = d.Add(sandbox.User{Username: "gone", Email: "new@example.com", Created: now, LastLogin: now})
						taken.Store(true)
					}
				}}, d, false)
				run.Policy.DisableOnly = disables
				r := run.Run(t.Context(), now)
				for _, a := range r.Accounts.All() {
					if a.ID == moved.ID && (a.Result != job.Kept || a.Reason != job.UnsafeID || !strings.Contains(a.Error, `"moved"`)) {
						t.Errorf("disables %t: %+v", disables, a)
					}
				}
				for _, line := range d.sent(builtin(t, "gitea")) {
					if strings.Contains(line, "/users/gone") || strings.Contains(line, "/users/moved") {
						t.Errorf("disables %t: sent %s", disables, line)
					}
				}
				if slices.Contains(append(d.Removed(), d.Disabled()...), newcomer) || newcomer == "" {
					t.Errorf("disables %t: it hit %q", disables, newcomer)
				}
			}
		},
		"a name that has moved": undone("gitea", func(r *http.Request, status *int, header http.Header, body []byte) []byte {
			if r.Method == http.MethodDelete {
				*status = http.StatusTemporaryRedirect
				header.Set("Location", strings.Replace(r.URL.Path, "/gone", "/busy", 1))
			}
			return body
		}, (*client.Client).Remove),
	},
	"google-workspace": {
		"kinds of 403": func(s system, t *testing.T, now time.Time) {
			for reason, want := range map[string]job.Outcome{
				"userRateLimitExceeded": job.DryRun, "quotaExceeded": job.DryRun, "rateLimitExceeded": job.DryRun, "forbidden": job.Failed,
			} {
				d := s.serve(t, "google-workspace", now, nil)
				var n atomic.Int32
				d.answers = func(_ *http.Request, status *int, _ http.Header, body []byte) []byte {
					if n.Add(1) > 1 {
						return body
					}
					*status = http.StatusForbidden
					return []byte(`{"error":{"code":403,"message":"No","errors":[{"reason":"` + reason + `"}]}}`)
				}
				c := s.connect(t, "google-workspace", d, true, func(o *client.Options) { o.MaxRetries = 1 })
				if r := s.cleanup(t, c, d, true).Run(t.Context(), now); r.Outcome != want {
					t.Errorf("%s: %s %s", reason, r.Outcome, r.Error)
				}
			}
		},
	},
	"grafana": {
		"no creation date": func(s system, t *testing.T, now time.Time) {
			d := s.serve(t, "grafana", now, nil)
			d.answers = func(_ *http.Request, _ *int, _ http.Header, body []byte) []byte {
				return without(body, map[string]bool{"createdAt": true})
			}
			run := s.cleanup(t, s.connect(t, "grafana", d, false, nil), d, false)
			if r := run.Run(t.Context(), now); r.Counts.Scanned == 0 {
				t.Error(r.Outcome, r.Error)
			}
			equal(t, "removed", d.Removed(), nil) // for an account that was never seen, Grafana has an old date instead of none
		},
	},
	"keycloak": {
		"a client of another realm": func(s system, t *testing.T, now time.Time) {
			d := s.serve(t, "keycloak", now, nil)
			c := s.connect(t, "keycloak", d, true, func(o *client.Options) { o.Values.Params["client_realm"] = "master" })
			_, _ = c.Self(t.Context())
			equal(t, "asked", d.said(), []string{"GET /realms/master/protocol/openid-connect/userinfo"})
		},
	},
	"nextcloud": {
		"a failure under a 200": undone("nextcloud", failing(http.MethodDelete, "", http.StatusOK,
			`{"ocs":{"meta":{"status":"failure","statuscode":101,"message":""},"data":[]}}`), (*client.Client).Remove),
		"a disabling that failed under a 200": undone("nextcloud", failing(http.MethodPut, "", http.StatusOK,
			`{"ocs":{"meta":{"status":"failure","statuscode":997,"message":""},"data":[]}}`), (*client.Client).Disable),
		"several backends": func(s system, t *testing.T, now time.Time) {
			// Each backend adds items to a page, and one backend has fewer accounts.
			d := s.serve(t, "nextcloud", now, func(o *sandbox.Options) {
				for i := range o.Users {
					if i%3 != 0 {
						field("backend", "LDAP")(&o.Users[i], now)
					}
				}
			})
			most := 0
			d.answers = func(r *http.Request, _ *int, _ http.Header, body []byte) []byte {
				if !strings.HasSuffix(r.URL.Path, "/details") {
					return body
				}
				limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
				offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
				whole := r.Clone(t.Context())
				whole.URL = &url.URL{Path: r.URL.Path}
				answer := httptest.NewRecorder()
				d.Server.ServeHTTP(answer, whole)
				page, seen := []string{}, map[string]int{}
				gjson.Get(answer.Body.String(), "ocs.data.users").ForEach(func(id, user gjson.Result) bool {
					backend := user.Get("backend").Str
					if n := seen[backend]; n >= offset && n < offset+limit {
						page = append(page, id.Raw+":"+user.Raw)
					}
					seen[backend]++
					return true
				})
				most = max(most, len(page))
				users := "[]"
				if len(page) > 0 {
					users = "{" + strings.Join(page, ",") + "}"
				}
				return []byte(`{"ocs":{"meta":{"status":"ok","statuscode":200},"data":{"users":` + users + `}}}`)
			}
			listed := 0
			for _, err := range s.connect(t, "nextcloud", d, true, nil).Users(t.Context()) {
				if listed++; err != nil {
					t.Fatal(err)
				}
			}
			if listed != len(d.Users()) || most <= 3 {
				t.Errorf("%d of %d were listed, in pages of %d", listed, len(d.Users()), most)
			}
		},
	},
	"okta": {
		"half done": func(s system, t *testing.T, now time.Time) {
			for _, code := range []int{http.StatusForbidden, http.StatusInternalServerError} {
				d := s.serve(t, "okta", now, nil)
				before := d.Users()
				gone, _ := d.Find("gone")
				var n atomic.Int32
				d.before = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodDelete || !strings.HasSuffix(r.URL.Path, gone.ID) || n.Add(1) != 2 {
						return false
					}
					w.WriteHeader(code)
					return true
				}
				r := s.cleanup(t, s.connect(t, "okta", d, false, nil), d, false).Run(t.Context(), now)
				if !slices.Contains(d.results(t, before, r), "gone failed") || r.Outcome != job.Partial {
					t.Error(code, r.Outcome, d.results(t, before, r))
				}
				if u, ok := d.Find("gone"); !ok || !u.Deactivated {
					t.Error(code, "it is not half done")
				}
				if r := s.cleanup(t, s.connect(t, "okta", d, false, nil), d, false).Run(t.Context(), now); r.Counts.Candidates != 0 {
					t.Error(code, "the next run:", d.results(t, before, r))
				}
				c := s.connect(t, "okta", d, false, func(o *client.Options) {
					o.Values.Params = map[string]string{"filter": `status eq "DEPROVISIONED"`}
				})
				run := s.cleanup(t, c, d, false)
				run.Limits.RequireActive, run.Limits.MaxSilence = false, math.MaxInt64 // the listing has no account that can log in
				run.Run(t.Context(), now)
				if !slices.Contains(d.names(t, before, d.Removed()), "gone") {
					t.Error(code, "the filter does not find it")
				}
			}
		},
	},
	"scim": {
		"a failure under a 200": undone("scim", failing(http.MethodDelete, "", http.StatusOK,
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"no","status":"403"}`), (*client.Client).Remove),
		"a disabling that failed under a 200": undone("scim", failing(http.MethodPatch, "", http.StatusOK, `{"detail":"no","status":403}`), (*client.Client).Disable),
		"no PATCH":                            undone("scim", failing(http.MethodPatch, "", http.StatusNotImplemented, `{"status":"501"}`), (*client.Client).Disable),
		"no Resources": func(s system, t *testing.T, now time.Time) {
			for total, want := range map[string]job.Outcome{"0": job.Completed, "5": job.Failed} {
				d := s.serve(t, "scim", now, nil)
				d.answers = failing(http.MethodGet, "/Users", http.StatusOK, `{"totalResults":`+total+`}`)
				if r := s.cleanup(t, s.connect(t, "scim", d, false, nil), d, false).Run(t.Context(), now); r.Outcome != want {
					t.Errorf("of %s: %s %s", total, r.Outcome, r.Error)
				}
			}
		},
	},
	"snipe-it": {
		// A failure of the server is not a missing account.
		"a locked database": func(s system, t *testing.T, now time.Time) {
			d := s.serve(t, "snipe-it", now, nil)
			c := s.connect(t, "snipe-it", d, false, nil)
			run := s.cleanup(t, between{c, func(job.User) {
				locked := func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path == "/api/v1/users" {
						return false
					}
					w.Header().Set("Content-Type", "application/json")
					_, _ = w.Write([]byte(`{"status":"error","messages":"SQLSTATE[HY000]: General error: 5 database is locked","payload":null}`))
					return true
				}
				d.before = locked
			}}, d, false)
			run.Concurrency = 1
			r := run.Run(t.Context(), now)
			if r.Counts.AlreadyGone+r.Counts.Removed+r.Counts.RefusedByDirectory > 0 || r.Counts.Failed == 0 || len(d.Removed()) > 0 {
				t.Errorf("%s, %+v", r.Outcome, r.Counts)
			}
		},
		"a failure under a 200": undone("snipe-it", failing(http.MethodDelete, "", http.StatusOK,
			`{"status":"error","messages":"User does not exist or you do not have permission view them.","payload":null}`), (*client.Client).Remove),
		"a disabling that failed under a 200": undone("snipe-it", failing(http.MethodPatch, "", http.StatusOK,
			`{"status":"error","messages":{"activated":["no"]},"payload":null}`), (*client.Client).Disable),
	},
}

// undone: a change is not reported as done if the response, changed by a, does not confirm it.
// It is sent only once, and the account stays as it was.
func undone(name string, a answers, change func(*client.Client, context.Context, job.User, job.Confirm) error) func(system, *testing.T, time.Time) {
	return func(s system, t *testing.T, now time.Time) {
		d := s.serve(t, name, now, nil)
		c := s.connect(t, name, d, false, nil)
		u := s.candidate(t, c, d)
		d.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet {
				return false
			}
			status := http.StatusOK
			body := a(r, &status, w.Header(), nil)
			w.WriteHeader(status)
			_, _ = w.Write(body)
			return true
		}
		if err := change(c, t.Context(), u, agree); err == nil || errors.Is(err, job.ErrNotFound) {
			t.Errorf("it was reported as done: %v", err)
		}
		if len(d.Removed())+len(d.Disabled()) > 0 || len(d.sent(builtin(t, name))) != 1 {
			t.Errorf("%q: removed %q, disabled %q", d.sent(builtin(t, name)), d.Removed(), d.Disabled())
		}
	}
}
