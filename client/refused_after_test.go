package client

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dormant/job"
)

// TestRefusedAfterNoAnswer: a request that got no answer may have made the change, and
// the next one is then refused because it is made. What the directory shows decides.
func TestRefusedAfterNoAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		first  int  // the answer to the first request; 0: there is but one
		done   bool // the first request made the change
		action string
		want   job.Result
	}{
		"removed by the first":      {502, true, "delete", job.AlreadyGone},
		"not removed by the first":  {502, false, "delete", job.RefusedByDirectory},
		"refused at once":           {0, false, "delete", job.RefusedByDirectory},
		"disabled by the first":     {502, true, "disable", job.Disabled},
		"not disabled by the first": {502, false, "disable", job.RefusedByDirectory},
		"to disable, refused":       {0, false, "disable", job.RefusedByDirectory},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(*testing.T) http.Handler {
				requests, done := 0, false
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					off := "false"
					if done && row.action == "disable" {
						off = "true"
					}
					one := `{"id":"1","at":"2020-01-01","off":` + off + `}`
					switch {
					case r.Method != http.MethodGet:
						if requests++; requests == 1 && row.first > 0 {
							done = row.done
							w.WriteHeader(row.first)
							return
						}
						w.WriteHeader(http.StatusConflict)
						_, _ = io.WriteString(w, `{"message":"it can't be"}`)
					case r.URL.Path == "/prefix/users":
						_, _ = io.WriteString(w, `{"users":[`+one+`]}`)
					case done && row.action == "delete":
						w.WriteHeader(http.StatusNotFound)
					default:
						_, _ = io.WriteString(w, one)
					}
				})
			}, func(t *testing.T, s *server) {
				p := load(t, "headers: {Authorization: \"{token}\"}\nlist: {path: /users, items: users}\nget: {path: \"/users/{id}\"}\n"+
					"user: {id: id, last_login: at, disabled: off}\n"+
					"remove: {path: \"/users/{id}\", refused: [409]}\ndisable: {method: POST, path: \"/users/{id}/off\", refused: [409]}\n")
				cleanup := job.Cleanup{
					RunID: "run-1", Command: "run", Directory: connect(t, s, p), Concurrency: 1, MaxFailures: 1, Log: zerolog.New(s),
					Policy: job.Policy{InactiveFor: 90 * 24 * time.Hour, DisableOnly: row.action == "disable"},
					Limits: job.Limits{MaxRemovals: 100, MaxRemovalPercent: 100, MaxSilence: 100 * 365 * 24 * time.Hour},
				}
				r := cleanup.Run(t.Context(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
				if r.Accounts.Len() != 1 || r.Accounts.At(0).Result != row.want || r.Outcome != job.Completed {
					t.Errorf("%s: %+v, %v", r.Outcome, r.Accounts, r.Err)
				}
			})
		})
	}
}
