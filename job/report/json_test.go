package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dormant/job"
)

func TestJSON(t *testing.T) {
	r := sample("run", false, job.Partial, job.Removed, job.NotRemoved)
	r.Cutoff = r.Cutoff.In(time.FixedZone("", 3600))
	r.URL += "?a=1&b=<2>"
	r.Counts.Removed, r.Counts.Failed = 1, 1
	r.Refusals, r.Warnings = []job.Refusal{refusal}, []job.Warning{warning}
	account(&r, 0).Username = "a\x1b\u202e\U000e0001\x7f"
	account(&r, 1).InactiveDays = nil
	account(&r, 1).Error = "403"
	want := `{
  "schema": 1,
  "run_id": "r1",
  "command": "run",
  "dry_run": false,
  "outcome": "partial",
  "profile": "itflex",
  "url": "https://example.com/api?a=1&b=<2>",
  "started_at": "2026-05-01T03:00:00Z",
  "finished_at": "2026-05-01T03:01:00Z",
  "cutoff": "2026-01-31T03:00:00Z",
  "counts": {
    "scanned": 10,
    "candidates": 2,
    "removed": 1,
    "disabled": 0,
    "accepted": 0,
    "refused_by_directory": 0,
    "already_gone": 0,
    "failed": 1,
    "not_attempted": 0,
    "kept": {
      "active": 5,
      "admin": 1,
      "allowlisted": 1
    }
  },
  "refusals": [
    {
      "guard": "max_removals",
      "found": 3,
      "allowed": 2,
      "variable": "DORMANT_MAX_REMOVALS",
      "message": "3 accounts would be removed, and one run may remove 2"
    }
  ],
  "warnings": [
    {
      "code": "allowlist_near_match",
      "message": "the allowlist's entry \"alcie\" matches nobody, and is nearly the same as \"alice\" (id \"17\"), who is kept: correct it, or take it out",
      "subject": "alcie"
    }
  ],
  "accounts": [
    {
      "id": "17",
      "username": "a\u001b\u202e\udb40\udc01\u007f",
      "email": "alice@example.com",
      "last_login": "2025-03-15T03:00:00Z",
      "inactive_days": 412,
      "action": "remove",
      "reason": "inactive",
      "result": "removed",
      "error": ""
    },
    {
      "id": "4",
      "username": "bob",
      "email": "bob@example.com",
      "last_login": null,
      "inactive_days": null,
      "action": "remove",
      "reason": "never_logged_in",
      "result": "failed",
      "error": "403"
    }
  ],
  "exempt": []
}
`
	got := write(t, JSON, r)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var again job.Report
	if err := json.Unmarshal([]byte(got), &again); err != nil {
		t.Fatal(err)
	}
	if got, want := again.Accounts.At(0).Username, r.Accounts.At(0).Username; got != want {
		t.Errorf("escapes change a name: got %q, want %q", got, want)
	}
}

func TestJSONOfARunThatDisables(t *testing.T) {
	r := disabling(sample("run", false, job.Completed, job.Disabled), 45)
	r.DisableCutoff = new(r.DisableCutoff.In(time.FixedZone("", 3600)))
	r.Counts.Disabled = 1
	got := write(t, JSON, r)
	for _, want := range []string{
		"\n  \"cutoff\": \"2026-01-31T03:00:00Z\",\n  \"disable_cutoff\": \"2026-03-17T03:00:00Z\",\n",
		"\n    \"removed\": 0,\n    \"disabled\": 1,\n", `"action": "disable"`, `"result": "disabled"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// What is known only as a bound is no last login.
func TestJSONOfABound(t *testing.T) {
	r := sample("run", false, job.Completed, job.Removed)
	changed := account(&r, 0)
	changed.LastLogin, changed.NotAfter = nil, before(412)
	if got, want := write(t, JSON, r), "\"last_login\": null,\n      \"inactive_days\": 412,"; !strings.Contains(got, want) {
		t.Errorf("no %s in\n%s", want, got)
	}
}

func TestJSONOfFailureHasNoNull(t *testing.T) {
	want := `{
  "schema": 1,
  "run_id": "",
  "command": "run",
  "dry_run": false,
  "outcome": "failed",
  "profile": "",
  "url": "",
  "started_at": "2026-05-01T03:00:00Z",
  "finished_at": "2026-05-01T03:00:00Z",
  "cutoff": "2026-01-31T03:00:00Z",
  "counts": {
    "scanned": 7,
    "candidates": 0,
    "removed": 0,
    "disabled": 0,
    "accepted": 0,
    "refused_by_directory": 0,
    "already_gone": 0,
    "failed": 0,
    "not_attempted": 0,
    "kept": {}
  },
  "refusals": [],
  "warnings": [],
  "accounts": [],
  "exempt": [],
  "error": "list users: page 3: 502"
}
`
	if got := write(t, JSON, unread); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
