package profiles_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dormant/job"
)

// TestNoSuchLog: one 404 does not mean that there is no log, no session and no consent,
// unless a parameter says so.
func TestNoSuchLog(t *testing.T) {
	inMemory()
	for name, row := range map[string]struct {
		system system
		path   string
		told   func(*system) // sets the parameter that says that there is none; nil: no parameter does
	}{
		"itflex":    {itflex, "/audit/logs", func(s *system) { s.values = params("audit", "none") }},
		"authentik": {authentik, "/authenticated_sessions/", func(s *system) { s.values = params("sessions", "none") }},
		"snipe-it":  {snipeIT, "/reports/activity", func(s *system) { s.values = params("reports", "none") }},
		"auth0":     {auth0, "/logs", nil},
		"keycloak":  {keycloak, "/consents", nil},
	} {
		run := func(s system, wanted bool) func(*testing.T, time.Time) {
			return func(t *testing.T, now time.Time) {
				d := s.serve(t, name, now, nil)
				d.answers = failing(http.MethodGet, row.path, http.StatusNotFound, `{"message": "Not found"}`)
				r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
				if failed := r.Outcome == job.Failed; failed != wanted || failed && (len(d.Removed()) > 0 || !strings.Contains(r.Error, "404")) {
					t.Errorf("%s, removed %v: %s", r.Outcome, d.Removed(), r.Error)
				}
			}
		}
		play(t, name, run(row.system, true))
		if row.told != nil {
			s := row.system
			row.told(&s)
			play(t, name+" without", run(s, false))
		}
	}
}
