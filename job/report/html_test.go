package report

import (
	"regexp"
	"strings"
	"testing"

	"dormant/job"
)

func TestHTMLEscapes(t *testing.T) {
	r := sample("run", false, job.Partial, job.NotRemoved)
	r.Profile, r.URL, r.Error, r.Outcome = hostile, "javascript:"+hostile, hostile, job.Outcome(hostile)
	a := account(&r, 0)
	a.Username, a.Email, a.Error, a.Result = hostile, `"><img src=x onerror=alert(1)>`, hostile, job.Result(hostile)
	got := write(t, HTML, r)
	for _, bad := range []string{"<script", "<img", "\x1b", "\u202e", "href", "src=\""} {
		if strings.Contains(got, bad) {
			t.Errorf("holds %q", bad)
		}
	}
	if want := `<td>&lt;script&gt;\x1b[2J\u202e\u009b31m\r\n\x00\xff&amp;</td>`; !strings.Contains(got, want) {
		t.Errorf("no %s in\n%s", want, got)
	}
}

func TestHTMLNeedsNothingElse(t *testing.T) {
	r := sample("run", false, job.Completed, job.Removed)
	r.URL = ""
	got := write(t, HTML, r)
	if bad := regexp.MustCompile(`(?i)<(script|link|img|iframe)|https?://|url\(|@import`).FindString(got); bad != "" {
		t.Errorf("holds %q", bad)
	}
}

func TestHTML(t *testing.T) {
	partial := sample("run", false, job.Partial, job.Removed, job.NotRemoved, job.Kept)
	account(&partial, 0).InactiveDays = new(0)
	account(&partial, 1).Error = "403 Forbidden"
	account(&partial, 1).InactiveDays = nil
	partial.Counts.Kept[job.ActiveAgain] = 1
	partial.Warnings = []job.Warning{warning}
	refused := sample("run", false, job.Refused, job.NotAttempted)
	refused.Refusals = []job.Refusal{refusal}
	dry := sample("audit", true, job.DryRun, job.WouldRemove)
	dry.Refusals = refused.Refusals

	tests := []struct {
		name   string
		report job.Report
		want   []string
		never  string
	}{
		{"partial", partial, []string{
			"Account cleanup report</h1>", "Partly done: removed 1 of 3 accounts (1 kept on a second look, 1 failed).",
			"real run, removes accounts", "2026-01-31 03:00:00 UTC (90 days before the start)", "(after 1m0s)",
			`<th>scanned</th><td class="number">10</td>`, `<th>candidates</th><td class="number">3</td>`,
			`<th>removed</th><td class="number">1</td>`, `<th>active</th><td class="number">5</td><td class="meaning">used at or after the cutoff</td>`,
			`<th>kept</th><td class="number">8</td><td class="meaning">1 of them`,
			`<td class="whole">2025-03-15 03:00:00</td><td class="number">0</td>`, `<td class="whole">never</td><td class="number">–</td>`,
			`<td colspan="6">403 Forbidden</td>`, "What to look at before the next run", `<td class="id">allowlist_near_match</td><td>the allowlist&#39;s entry &#34;alcie&#34;`,
		}, "This was a dry run"},
		{"refused", refused, []string{"Refused: nothing was removed.", "Guards that refused this run", refusal.Message}, "would refuse"},
		{"dry", dry, []string{
			"Account cleanup report: dry run</h1>", "dry run, changes nothing", "This was a dry run: it only read, and no account was changed.",
			"Guards that would refuse a real run", "would_remove",
		}, "Guards that refused"},
		{"no candidates", sample("run", false, job.Completed), []string{"<p>No account is a candidate.</p>"}, "What to look at"},
		{"unread", unread, []string{
			"Failed: nothing was removed, because the directory was not read to its end.", "Error: list users: page 3: 502", "after 7 accounts",
		}, "No account is a candidate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := write(t, HTML, tt.report)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			if strings.Contains(got, tt.never) {
				t.Errorf("holds %q", tt.never)
			}
		})
	}
}
