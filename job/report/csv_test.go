package report

import (
	"testing"
	"time"

	"dormant/job"
)

func TestCSV(t *testing.T) {
	r := sample("run", false, job.Partial, job.Removed, job.NotRemoved, job.Removed)
	account(&r, 0).LastLogin = new(r.Accounts.At(0).LastLogin.In(time.FixedZone("", -3600)))
	account(&r, 0).Username = `Alice "Al", Doe`
	account(&r, 1).Error = "403\nForbidden"
	account(&r, 1).InactiveDays = nil
	account(&r, 2).ID = "-3"
	want := "id,username,email,last_login,inactive_days,action,reason,result,error\r\n" +
		`17,"Alice ""Al"", Doe",alice@example.com,2025-03-15T03:00:00Z,412,remove,inactive,removed,` + "\r\n" +
		`4,bob,bob@example.com,,,remove,never_logged_in,failed,403\nForbidden` + "\r\n" +
		`'-3,claire,,2026-01-30T03:00:00Z,91,remove,inactive,removed,` + "\r\n"
	if got := write(t, CSV, r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCSVWithoutCandidates(t *testing.T) {
	if got, want := write(t, CSV, unread), "id,username,email,last_login,inactive_days,action,reason,result,error\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCellIsNoFormula(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"alice":                 "alice",
		"a=1":                   "a=1",
		"a\t=1":                 `a\t=1`,
		"é":                     "é",
		`=HYPERLINK("//x","y")`: `'=HYPERLINK("//x","y")`,
		"+1":                    "'+1",
		"-1":                    "'-1",
		"@SUM(1)":               "'@SUM(1)",
		"\t=1":                  `'\t=1`,
		"\r=1":                  `'\r=1`,
		"＝1":                    "'＝1",
		"＋1":                    "'＋1",
		"－1":                    "'－1",
		"＠1":                    "'＠1",
		"a;=1":                  "a;'=1",
		"a; =1;+2;b":            "a; '=1;'+2;b",
		`a;"=1"`:                `a;"'=1"`,
		"a;＝1":                  "a;'＝1",
		" =1":                   " '=1",
		"a;b=1":                 "a;b=1",
		"x; y - z":              "x; y - z",
	} {
		if got := csvText(in); got != want {
			t.Errorf("cell(%q) = %s, want %s", in, got, want)
		}
	}
}
