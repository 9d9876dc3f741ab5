package job

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// runsOf are runs that found those numbers of a thousand, the newest last.
func runsOf(m measure, all int, found ...int) []PastRun {
	var runs []PastRun
	for i, n := range found {
		r := PastRun{At: testNow.AddDate(0, 0, i-len(found)), RunID: strconv.Itoa(i), Scanned: all, Known: all}
		switch m.guard {
		case GuardCandidatesUnusual:
			r.Candidates = n
		case GuardUnknownUnusual:
			r.Unknown = n
		default:
			r.Vanished = n
		}
		runs = append(runs, r)
	}
	return runs
}

func TestBrake(t *testing.T) {
	many := func(n, times int) []int { return slices.Repeat([]int{n}, times) }
	tests := []struct {
		rule  string
		all   int
		runs  []int // the last one is judged
		trips bool
		edit  func(before []PastRun)
	}{
		{"nothing is known of what is usual", 1000, []int{900}, false, nil},
		{"two runs say nothing of what is usual", 1000, []int{1, 1, 900}, false, nil},
		{"three do", 1000, []int{1, 1, 1, 900}, true, nil},
		{"as usual", 1000, []int{100, 90, 110, 100}, false, nil},
		{"twenty more than none", 1000, []int{0, 0, 0, 20}, false, nil},
		{"twenty-one more than none", 1000, []int{0, 0, 0, 21}, true, nil},
		{"three times as much", 1000, []int{30, 40, 30, 120}, false, nil},
		{"more than three times as much", 1000, []int{30, 40, 30, 121}, true, nil},
		{"all of a small directory", 20, []int{0, 0, 0, 20}, false, nil},
		{"more than three times as much, but not twenty more", 60, []int{1, 1, 1, 21}, false, nil},
		{"one in a hundred more of a large one", 100_000, []int{0, 0, 0, 1000}, false, nil},
		{"more than one in a hundred more of a large one", 100_000, []int{0, 0, 0, 1001}, true, nil},
		{"a third of what was left is left", 1000, []int{400, 400, 400, 800}, false, nil},
		{"less than a third of what was left is left", 1000, []int{400, 400, 400, 801}, true, nil},
		{"nobody was left anyway", 1000, []int{1000, 1000, 1000, 1000}, false, nil},
		{"fewer than ever", 1000, []int{400, 400, 400, 0}, false, nil},
		{"it was as much once before", 1000, []int{900, 1, 1, 1, 900}, false, nil},
		{"it was as much long ago", 1000, append(append([]int{900}, many(1, usualRuns)...), 900), true, nil},
		{"it was as much when the brake was on", 1000, []int{1, 1, 1, 900, 900}, true, func(before []PastRun) { before[3].Tripped = true }},
		{"runs of an empty directory say nothing", 1000, []int{0, 0, 0, 900}, false, func(before []PastRun) { before[1].Scanned, before[1].Known = 0, 0 }},
	}
	for _, m := range measures {
		for _, tt := range tests {
			runs := runsOf(m, tt.all, tt.runs...)
			last := len(runs) - 1
			if tt.edit != nil {
				tt.edit(runs[:last])
			}
			b := trip(runs[last], runs[:last])
			if (b != nil) != tt.trips || b != nil && (b.Guard != m.guard || b.Found != tt.runs[last] || b.RunID != runs[last].RunID) {
				t.Errorf("%s: %s: %+v", m.guard, tt.rule, b)
			}
		}
	}
	candidates := runsOf(measures[0], 1000, 1, 1, 1, 900)
	candidates[3].Policy = "another"
	if b := trip(candidates[3], candidates[:3]); b != nil {
		t.Errorf("under other rules, what was usual is compared: %+v", b)
	}
	b := Brake{Guard: GuardVanishedUnusual, At: testNow, RunID: "r", Found: 500, Allowed: 20, Message: "so"}
	if now, then := b.refusal(testNow), b.refusal(testNow.Add(1)); now.Guard != GuardVanishedUnusual || then.Guard != GuardBrake ||
		!strings.Contains(now.Message, "clear-brake") || !strings.Contains(then.Message, "since 2026-07-01T12:00:00Z, when run r found: so") {
		t.Errorf("%+v\n%+v", now, then)
	}
}

// Of a hundred invented histories of a year each, with a run a day, hardly any run trips the
// brake when nothing is wrong, and every large mishap trips it.
func TestBrakeInAHundredHistories(t *testing.T) {
	mishaps := []struct {
		what   string
		most   int // histories in which it is not noticed
		damage func(r *PastRun)
	}{
		{"half of the accounts are not listed", 0, func(r *PastRun) { r.Vanished, r.Scanned = r.Known/2, r.Known/2 }},
		{"one in ten is not listed", 10, func(r *PastRun) { r.Vanished = r.Known / 10 }},
		{"all last logins are unknown", 0, func(r *PastRun) { r.Unknown = r.Scanned }},
		{"a third of the last logins are unknown", 25, func(r *PastRun) { r.Unknown += (r.Scanned - r.Unknown) / 3 }},
		{"everybody is inactive", 0, func(r *PastRun) { r.Candidates = r.Scanned * 9 / 10 }},
		{"one in five of the others is inactive", 30, func(r *PastRun) { r.Candidates += (r.Scanned - r.Candidates) / 5 }},
	}
	missed, alarms, runs, noisy := map[string]int{}, 0, 0, 0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 1))
		h := newHistory(random)
		before := alarms
		for range 365 {
			r := h.next()
			runs++
			b := trip(r, h.runs)
			if b != nil { // a person looks, and clears it
				alarms++
			}
			h.runs = append(h.runs, r)
		}
		if alarms > before {
			noisy++
		}
		last := h.next()
		for _, m := range mishaps {
			r := last
			if m.damage(&r); trip(r, h.runs) == nil && last.Scanned >= 100 {
				missed[m.what]++
			}
		}
	}
	t.Logf("%d of %d runs refuse when nothing is wrong, in %d of 100 histories", alarms, runs, noisy)
	if alarms > 25 || noisy > 20 {
		t.Errorf("%d of %d runs refuse when nothing is wrong, in %d of 100 histories", alarms, runs, noisy)
	}
	for _, m := range mishaps {
		t.Logf("%s: not noticed in %d of 100", m.what, missed[m.what])
		if missed[m.what] > m.most {
			t.Errorf("%s: not noticed in %d of 100", m.what, missed[m.what])
		}
	}
}

// A history is a directory that lives on: people join, leave in small numbers and now and
// then in larger ones, go on holiday and come back; a part of the last logins is never known.
type history struct {
	random               *rand.Rand
	day, accounts        int
	dormant, unknown     float64 // shares
	leaves, season, wave float64
	removes              bool // it removes whom it finds, up to a hundred a day
	runs                 []PastRun
}

func newHistory(random *rand.Rand) *history {
	sizes := []int{30, 100, 300, 1000, 5000, 20_000, 100_000}
	h := &history{
		random: random, accounts: sizes[random.IntN(len(sizes))], dormant: .3 * random.Float64() * random.Float64(),
		leaves: .002 * random.Float64(), season: .5 * random.Float64(), wave: .02 * random.Float64(), removes: random.IntN(2) == 0,
	}
	if random.IntN(2) == 0 {
		h.unknown = random.Float64() * random.Float64()
	}
	return h
}

func (h *history) next() PastRun {
	random := h.random
	around := func(mean float64) int {
		return max(0, int(mean+random.NormFloat64()*max(1, mean)/3+random.Float64()))
	}
	h.day++
	known := h.accounts
	vanished := min(known, around(h.leaves*float64(known)))
	if random.IntN(90) == 0 { // a class that ends, a contract that is over
		vanished = min(known, vanished+int(random.Float64()*h.wave*float64(known)))
	}
	h.accounts += around(h.leaves*float64(known)) - vanished
	h.accounts = max(h.accounts, 20)
	share := h.dormant * (1 + h.season*min(1, max(0, float64(h.day%365-200)/30))) // the holidays show slowly
	candidates := min(h.accounts, around(share*float64(h.accounts)))
	if h.removes {
		candidates = min(candidates, around(2+.0005*float64(h.accounts)))
	}
	return PastRun{
		At: testNow.Add(time.Duration(h.day) * day), Scanned: h.accounts, Known: known, Vanished: vanished,
		Candidates: candidates, Unknown: min(h.accounts, int(h.unknown*float64(h.accounts))+random.IntN(3)),
	}
}
