package job

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// due are candidates in grace whose grace ends then.
func due(n int, at string) Candidates {
	var candidates []Candidate
	for range n {
		candidates = append(candidates, Candidate{Action: Keep, Reason: InGrace, RemovableAt: instant(at)})
	}
	return candidatesOf(candidates...)
}

// What the guards will say on the day on which a grace ends is said before.
func TestForecast(t *testing.T) {
	tests := []struct {
		rule    string
		limits  Limits
		inGrace []Candidates
		want    string // the variable, and the day
	}{
		{"nobody", limits(0, 0), nil, ""},
		{"as many as are allowed", limits(13, 100), []Candidates{due(13, "2026-07-15T03:00:00Z")}, ""},
		{"one more", limits(12, 100), []Candidates{due(13, "2026-07-15T03:00:00Z")}, "DORMANT_MAX_REMOVALS 2026-07-15"},
		{"a share", limits(100, 10), []Candidates{due(6, "2026-07-15T03:00:00Z")}, ""},
		{"a greater share", limits(100, 10), []Candidates{due(7, "2026-07-15T03:00:00Z")}, "DORMANT_MAX_REMOVAL_PERCENT 2026-07-15"},
		{"for both", limits(12, 10), []Candidates{due(13, "2026-07-15T03:00:00Z")}, "DORMANT_MAX_REMOVALS 2026-07-15, DORMANT_MAX_REMOVAL_PERCENT 2026-07-15"},
		{"a limit of 0", limits(0, 100), []Candidates{due(1, "2026-07-15T03:00:00Z")}, "DORMANT_MAX_REMOVALS 2026-07-15"},
		{"on several days", limits(6, 100), []Candidates{due(6, "2026-07-16T03:00:00Z"), due(6, "2026-07-15T03:00:00Z")}, ""},
		{"at several times of a day", limits(6, 100), []Candidates{due(6, "2026-07-15T23:59:59Z"), due(1, "2026-07-15T00:00:00Z")}, "DORMANT_MAX_REMOVALS 2026-07-15"},
		{"a fraction of a second before a day", limits(6, 100), []Candidates{due(6, "2026-07-15T23:59:59.5Z"), due(1, "2026-07-16T00:00:00Z")}, "DORMANT_MAX_REMOVALS 2026-07-16"},
		{"on two of three days", limits(6, 100), []Candidates{due(7, "2026-07-17T03:00:00Z"), due(7, "2026-07-15T03:00:00Z"), due(6, "2026-07-16T03:00:00Z")},
			"DORMANT_MAX_REMOVALS 2026-07-15, DORMANT_MAX_REMOVALS 2026-07-17"},
	}
	for _, tt := range tests {
		pl := &Plan{Scanned: 60}
		for _, due := range tt.inGrace {
			pl.InGrace = append(pl.InGrace, due...)
		}
		var got []string
		for _, w := range tt.limits.forecast(pl) {
			_, rest, _ := strings.Cut(w.Message, "fall due on ")
			got = append(got, w.Subject+" "+rest[:len(time.DateOnly)])
			if w.Code != WarnGraceRefusal || !strings.Contains(w.Message, "raise "+w.Subject+" to ") {
				t.Errorf("%s: %+v", tt.rule, w)
			}
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
		if len(pl.Candidates) > 0 || len(pl.InGrace) > 0 && pl.InGrace.At(0).Action != Keep {
			t.Errorf("%s: the plan has become %+v", tt.rule, pl)
		}
	}
	want := "of the accounts in grace, 13 fall due on 2026-07-15, and max_removal_percent will refuse a run that would remove them together: " +
		"13 accounts of 60 would be removed (21.7%), and one run may remove 10%, which is 6; " +
		"if they should all go, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVAL_PERCENT to 22"
	if got := limits(100, 10).forecast(&Plan{Scanned: 60, InGrace: due(13, "2026-07-15T03:00:00Z")}); len(got) != 1 || got[0].Message != want {
		t.Errorf("%+v", got)
	}
}

// What is foretold is what happens.
func TestForecastComesTrue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.after(t, 0, path)
		c.Limits = limits(2, 100)
		if r := c.run(t.Context(), t); codes(r.Warnings) != WarnGraceRefusal || len(r.Refusals) > 0 || !strings.Contains(c.log.String(), `"warning":"grace_refusal"`) {
			t.Errorf("%s, warnings %+v", r.Outcome, r.Warnings)
		}
		c.after(t, 14, path)
		c.Limits = limits(2, 100)
		if r := c.run(t.Context(), t); r.Outcome != Refused || r.Refusals[0].Guard != GuardMaxRemovals || len(r.Warnings) > 0 || len(c.dir.requests) > 0 {
			t.Errorf("%s, warnings %+v", r.Outcome, r.Warnings)
		}
		c.after(t, 15, path)
		c.Limits = limits(3, 100)
		if r := c.run(t.Context(), t); resultsOf(r) != "1:removed 2:removed 3:removed" {
			t.Errorf("%s", resultsOf(r))
		}
	})
}
