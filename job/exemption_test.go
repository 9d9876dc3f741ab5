package job

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReadAllowlistWithExemptions(t *testing.T) {
	tests := []struct {
		rule string
		line string
		want string // the name, until, owner and note, or the error
	}{
		{"all of it", `svc-export-*  until=2027-03-31 owner=platform@example.com note="nightly export"`, "svc-export-*|2027-03-31|platform@example.com|nightly export"},
		{"in any order, with tabs", "alice\tnote=x\tuntil=2027-03-31", "alice|2027-03-31||x"},
		{"a name of several words", `Alice Smith owner="Bob Jones"`, "Alice Smith||Bob Jones|"},
		{"a distinguished name", `CN=Alice Smith, OU=Staff until=2027-03-31`, "CN=Alice Smith, OU=Staff|2027-03-31||"},
		{"a distinguished name alone", `CN=Alice Smith, OU=Staff`, "CN=Alice Smith, OU=Staff|||"},
		{"capital letters", `alice Until=2027-03-31`, "alice|2027-03-31||"},
		{"a comment", `alice owner=bob # until=2020-01-01`, "alice||bob|"},
		{"no comment within quotes", `alice note="ticket #7" owner=bob # x`, "alice||bob|ticket #7"},
		{"signs in quotes", `alice note="a=b, <c>; d"`, "alice|||a=b, <c>; d"},
		{"today", `alice until=2026-01-31`, "alice|2026-01-31||"},
		{"ended a month ago", `alice until=2026-01-01`, "alice|2026-01-01||"},

		{"ended longer ago", `alice until=2025-12-31`, "line 1: until=2025-12-31 is in the past, so the entry protects nobody: take it out, or give it a later date"},
		{"an unknown key", `alice expires=2027-03-31`, `line 1: unknown key "expires"; accepted are until=2027-03-31, owner=NAME and note="TEXT" behind the name`},
		{"no such day", `alice until=2027-02-30`, "line 1: until=2027-02-30 is no date"},
		{"another form of date", `alice until=31.03.2027`, "line 1: until=31.03.2027 is no date"},
		{"a time", `alice until=2027-03-31T00:00:00Z`, "is no date"},
		{"twice", `alice owner=a owner=b`, "line 1: owner is there twice"},
		{"empty", `alice owner= note=x`, `line 1: "owner= note=x" can't be read`},
		{"empty in quotes", `alice owner=" "`, "line 1: owner is empty"},
		{"no end of the quotes", `alice note="x`, `line 1: "note=\"x" can't be read`},
		{"words behind", `alice until=2027-03-31 for the export`, `line 1: "for the export" can't be read`},
		{"joined", `alice note="x"until=2027-03-31`, "can't be read"},
		{"no name", `until=2027-03-31 owner=x`, `has a = in it`},
		{"a blank before the sign", `alice until = 2027-03-31`, `has a = in it`},
		{"a wrong name", `"alice" until=2027-03-31`, `has quotes`},
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			entries, err := ReadAllowlist(strings.NewReader(tt.line), at)
			got := fmt.Sprint(err)
			if err == nil {
				e := entries[0]
				until := ""
				if !e.Until.IsZero() {
					until = e.Until.Format(time.DateOnly)
				}
				got = strings.Join([]string{e.Text, until, e.Owner, e.Note}, "|")
			}
			if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// An entry protects until the end of its last day; it is warned about for thirty days before,
// and after.
func TestAnExemptionEnds(t *testing.T) {
	until := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		now    time.Time
		action Action
		warns  string // a part of the warning
	}{
		{until.Add(-30*day - time.Second), Keep, ""},
		{until.Add(-30 * day), Keep, "protects nobody after 2026-03-31"},
		{until, Keep, "protects nobody after 2026-03-31"},
		{until.Add(day - time.Nanosecond), Keep, `"al*" (line 1 of the file, owner "bob") protects nobody after 2026-03-31`},
		{until.Add(day), Remove, `"al*" (line 1 of the file, owner "bob") has protected nobody since the end of 2026-03-31`},
		{until.Add(31 * day), Remove, "has protected nobody"},
	}
	for _, tt := range tests {
		entries, err := ReadAllowlist(strings.NewReader("al* until=2026-03-31 owner=bob"), tt.now)
		if err != nil {
			t.Fatal(tt.now, err)
		}
		p := Policy{InactiveFor: 90 * day}
		entries, p.Ended = SplitEnded(entries, tt.now)
		p.Allowlist = NewEntries(entries...)
		u := User{ID: "1", Username: "alice", LastLogin: LoginAt(until.Add(-500 * day))}
		plan, err := ReadPlan(iterate([]User{u}), p, nil, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Decide(u, tt.now).Action; got != tt.action || len(entries) == 0 != (got == Remove) {
			t.Errorf("%s: %s, want %s", tt.now, got, tt.action)
		}
		i := slices.IndexFunc(plan.Warnings, func(w Warning) bool { return w.Code == WarnExemptionEnds })
		if (i >= 0) != (tt.warns != "") || i >= 0 && !strings.Contains(plan.Warnings[i].Message, tt.warns) {
			t.Errorf("%s: %v, want %q", tt.now, plan.Warnings, tt.warns)
		}
	}
}
