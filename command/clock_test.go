package command

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"dormant/client/sandbox"
	"dormant/job"
)

// Now is the clock that is handed in: it decides what is checked, what is unused, and
// when a run has started.
func TestTheClockIsHandedIn(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	d.unset("DORMANT_INACTIVE_SINCE")
	at := now.AddDate(0, 0, -30)
	audit := func(environ ...string) (int, job.Report, string) {
		var stdout, stderr output
		code := Main(t.Context(), Process{"dormant", []string{"audit"}, d.env(environ...), nil, &stdout, &stderr, func() time.Time { return at }})
		var r job.Report
		_ = json.Unmarshal([]byte(stdout.String()), &r) // there is none if the configuration is wrong
		return code, r, stderr.String()
	}
	code, r, stderr := audit("DORMANT_INACTIVE_FOR=90d")
	if code != exitDone || !r.StartedAt.Equal(at) || !r.Cutoff.Equal(at.AddDate(0, 0, -90)) {
		t.Errorf("%d: started at %s, cutoff %s, want %s:\n%s", code, r.StartedAt, r.Cutoff, at, stderr)
	}
	for _, c := range []struct {
		since time.Time
		code  int
	}{{at.AddDate(0, 0, -30), exitDone}, {at.AddDate(0, 0, -30).Add(time.Second), exitUsage}} {
		if code, _, stderr := audit("DORMANT_INACTIVE_SINCE=" + c.since.Format(time.RFC3339)); code != c.code {
			t.Errorf("since %s, at %s: %d, want %d:\n%s", c.since, at, code, c.code, stderr)
		}
	}
	unused := d.matching(func(u sandbox.User) bool { return !u.LastLogin.IsZero() && u.LastLogin.Before(at.AddDate(0, 0, -90)) })
	if ids := candidates(r); len(ids) == 0 || slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(unused, id) }) {
		t.Errorf("candidates %q, of %q", ids, unused)
	}
}
