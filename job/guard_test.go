package job

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// removals are limits of removals alone.
func removals(most int, percent float64) Limits {
	return Limits{MaxRemovals: most, MaxRemovalPercent: percent, MaxSilence: math.MaxInt64}
}

func TestLimits(t *testing.T) {
	tests := []struct {
		rule          string
		limits        Limits
		candidates    int
		scanned, seen int
		want          string // guard found>allowed
	}{
		{"max_removals - 1", removals(10, 100), 9, 100, 0, ""},
		{"max_removals", removals(10, 100), 10, 100, 0, ""},
		{"max_removals + 1", removals(10, 100), 11, 100, 0, "max_removals 11>10"},
		{"max_removals of 0 means none", removals(0, 100), 1, 100, 0, "max_removals 1>0"},
		{"max_removals of 0 allows none", removals(0, 100), 0, 100, 0, ""},
		{"max_removals below 0 means none", removals(-1, 100), 1, 100, 0, "max_removals 1>-1"},

		{"10 % of 1000: 100", removals(1000, 10), 100, 1000, 0, ""},
		{"10 % of 1000: 101", removals(1000, 10), 101, 1000, 0, "max_removal_percent 101>100"},
		{"10 % of 19 is 1", removals(1000, 10), 1, 19, 0, ""},
		{"10 % of 19 is not 2", removals(1000, 10), 2, 19, 0, "max_removal_percent 2>1"},
		{"10 % of 9 is none", removals(1000, 10), 1, 9, 0, "max_removal_percent 1>0"},
		{"0 % means none", removals(1000, 0), 1, 1000, 0, "max_removal_percent 1>0"},
		{"0 % allows none", removals(1000, 0), 0, 1000, 0, ""},
		{"100 % is all", removals(1000, 100), 1000, 1000, 0, ""},
		{"7 % of 100 is 7", removals(1000, 7), 7, 100, 0, ""},
		{"0.1 % of 1000 is 1", removals(1000, .1), 1, 1000, 0, ""},
		{"0.1 % of 999 is none", removals(1000, .1), 1, 999, 0, "max_removal_percent 1>0"},
		{"4.6 % of 1500 is 69", removals(1000, 4.6), 69, 1500, 0, ""}, // 68.99… in binary fractions
		{"4.6 % of 1500 is not 70", removals(1000, 4.6), 70, 1500, 0, "max_removal_percent 70>69"},

		{"both at once", removals(100, 10), 240, 1000, 0, "max_removals 240>100, max_removal_percent 240>100"},
		{"the zero limits", Limits{}, 1, 1000, 1, "max_removals 1>0, max_removal_percent 1>0, max_silence 0>0"},

		{"one active is enough", limits(10, 100), 1, 100, 1, ""},
		{"nobody active", limits(10, 100), 1, 100, 0, "require_active 0>1"},
		{"nobody active and no candidate", limits(10, 100), 0, 100, 0, ""},
		{"nobody active, not required", removals(10, 100), 1, 100, 0, ""},
		{"an empty directory", limits(10, 100), 0, 0, 0, ""},
		{"all three", limits(1, 1), 2, 100, 0, "max_removals 2>1, max_removal_percent 2>1, require_active 0>1"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			var got []string
			for _, r := range tt.limits.Check(&Plan{Scanned: tt.scanned, LoggedIn: tt.seen, NewestLogin: testNow, At: testNow, Candidates: candidatesOf(make([]Candidate, tt.candidates)...)}) {
				got = append(got, fmt.Sprintf("%s %d>%d", r.Guard, r.Found, r.Allowed))
				if want := "DORMANT_" + strings.ToUpper(r.Guard); r.Variable != want || !strings.Contains(r.Message, want) {
					t.Errorf("variable %s, message %q: want both to name %s", r.Variable, r.Message, want)
				}
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("refused %q, want %q", got, tt.want)
			}
		})
	}
}

// Every number that an operator needs is in the message, and the value that it
// names is the smallest that will do.
func TestRefusalMessages(t *testing.T) {
	pl := &Plan{Scanned: 1000, At: testNow, Candidates: candidatesOf(make([]Candidate, 241)...), Unknown: map[string]int{"hidden": 500, "absent": 12}}
	want := []string{
		"241 accounts would be removed, and one run may remove 100; if they should all go, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVALS to 241",
		"241 accounts of 1000 would be removed (24.1%), and one run may remove 12.5%, which is 125; if they should all go, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVAL_PERCENT to 25",
		"none of 1000 accounts, the caller's aside, is known to have logged in after the cutoff (the last login is absent in 12, hidden in 500), and DORMANT_REQUIRE_ACTIVE asks for one: " +
			"most likely the last logins are wrong or missing: check the profile and what the credentials may see; DORMANT_REQUIRE_ACTIVE=false turns this guard off",
	}
	refusals := limits(100, 12.5).Check(pl)
	if len(refusals) != len(want) {
		t.Fatalf("%d refusals, want %d", len(refusals), len(want))
	}
	for i, r := range refusals {
		if r.Message != want[i] {
			t.Errorf("got  %s\nwant %s", r.Message, want[i])
		}
	}
}

// Removals and disablings count together, and the message says which there are.
func TestRefusalsOfDisabling(t *testing.T) {
	tests := []struct {
		remove, disable int
		want            [2]string
	}{
		{3, 0, [2]string{
			"3 accounts would be removed, and one run may remove 1; if they should all go, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVALS to 3",
			"3 accounts of 10 would be removed (30.0%), and one run may remove 10%, which is 1; if they should all go, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVAL_PERCENT to 30",
		}},
		{0, 3, [2]string{
			"3 accounts would be disabled, and one run may disable 1; if they should all be disabled, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVALS to 3",
			"3 accounts of 10 would be disabled (30.0%), and one run may disable 10%, which is 1; if they should all be disabled, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVAL_PERCENT to 30",
		}},
		{1, 1, [2]string{
			"2 accounts would be removed or disabled, and one run may remove or disable 1; if they should all be removed or disabled, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVALS to 2",
			"2 accounts of 10 would be removed or disabled (20.0%), and one run may remove or disable 10%, which is 1; if they should all be removed or disabled, review a plan (DORMANT_PLAN=plan.csv) and dormant apply it, or raise DORMANT_MAX_REMOVAL_PERCENT to 20",
		}},
	}
	for _, tt := range tests {
		pl := &Plan{Scanned: 10, NewestLogin: testNow, At: testNow}
		for range tt.remove {
			pl.Candidates = append(pl.Candidates, candidatesOf(Candidate{Action: Remove})...)
		}
		for range tt.disable {
			pl.Candidates = append(pl.Candidates, candidatesOf(Candidate{Action: Disable})...)
		}
		refusals := removals(1, 10).Check(pl)
		if len(refusals) != 2 || refusals[0].Message != tt.want[0] || refusals[1].Message != tt.want[1] {
			t.Errorf("%d and %d: %+v", tt.remove, tt.disable, refusals)
		}
	}
}

func TestPercent(t *testing.T) {
	for scanned := 1; scanned <= 300; scanned++ {
		for percent := range 101 {
			if got, want := (Limits{MaxRemovalPercent: float64(percent)}).percentOf(scanned), scanned*percent/100; got != want {
				t.Fatalf("%d %% of %d is %d, want %d", percent, scanned, got, want)
			}
		}
		for n := range scanned + 1 {
			raised := percentFor(n, scanned)
			if allowed := (Limits{MaxRemovalPercent: float64(raised)}).percentOf(scanned); allowed < n || raised > 100 {
				t.Fatalf("%d %% is named for %d of %d, and allows %d", raised, n, scanned, allowed)
			}
			if allowed := (Limits{MaxRemovalPercent: float64(raised - 1)}).percentOf(scanned); raised > 0 && allowed >= n {
				t.Fatalf("%d %% is named for %d of %d, and less would do", raised, n, scanned)
			}
		}
	}
}
