package job

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// FuzzOpenLedger: with any file of an earlier version, an account is removed only if the
// file has it with a plausible time at least a grace ago, and a file that can't be read is
// an error. What it has is carried over.
func FuzzOpenLedger(f *testing.F) {
	for _, text := range []string{
		"", "{", "null", "[]", `{"directory":"d"}`, `{"directory":"d","found_at":null}`, `{"directory":"d","found_at":{"1":null}}`,
		`{"directory":"d","found_at":{"1":"2026-05-01T00:00:00Z","":"0001-01-01T00:00:00Z"}}`, `{"directory":"e","found_at":{"1":"2020-01-01T00:00:00Z"}}`,
		`{"directory":"d","found_at":{"1":"2020-01-01T00:00:00Z","1":"9999-12-31T23:59:59Z"}}`, `{"DIRECTORY":"d","Found_At":{"1":"2026-06-30T23:59:59.999999999+14:00"}}`,
		`{"directory":"d","found_at":{"1":"2026-06-01T00:00:00Z"}} x`,
	} {
		f.Add([]byte(text), "1", int64(24*time.Hour))
	}
	file := filepath.Join(f.TempDir(), "ledger")
	f.Fuzz(func(t *testing.T, text []byte, id string, grace int64) {
		if grace <= 0 || time.Duration(grace) > 100*365*day {
			return
		}
		if err := errors.Join(os.RemoveAll(earlierName(file)), os.WriteFile(file, text, 0o600)); err != nil {
			t.Fatal(err)
		}
		options := LedgerOptions{Path: file, Directory: "d", Grace: time.Duration(grace), Keep: 400 * day}
		l, err := OpenLedger(options)
		var says struct {
			Directory string
			FoundAt   map[string]time.Time `json:"found_at"`
		}
		readable := json.Unmarshal(text, &says) == nil && says.Directory == "d"
		if err != nil {
			if l != nil || readable {
				t.Fatalf("%q: %v, and %v", text, l, err)
			}
			return
		}
		defer l.Close()
		used := testNow.AddDate(-2, 0, 0)
		candidate := Candidate{User: User{ID: id, LastLogin: LoginAt(used)}, Action: Remove, Reason: Inactive, InactiveSince: used}
		c := l.withGrace(Policy{}, candidate, candidate.User, testNow)
		at := says.FoundAt[id]
		if c.Action == Remove && (!readable || at.Year() < 2000 || at.Before(used) || testNow.Sub(at) < time.Duration(grace)) {
			t.Fatalf("%q: %q is removed, though found at %s", text, id, at)
		}
		if c.Action == Keep && (c.Reason != InGrace || !c.RemovableAt.After(testNow)) {
			t.Fatalf("%q: %q is kept: %+v", text, id, c)
		}
		p := Policy{InactiveFor: 90 * day}
		l.begin(testNow)
		plan, err := readPlan(iterate([]User{candidate.User}), p, nil, l, testNow)
		if err != nil {
			t.Fatal(err)
		}
		l.applyGrace(plan, p, testNow)
		if err := errors.Join(l.remember("1", &p, plan, false), l.Close()); err != nil {
			t.Fatal(err)
		}
		again, err := OpenLedger(options)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		defer again.Close()
		kept := len(plan.InGrace)+len(plan.Candidates) > 0 // its id is safe
		if next := again.withGrace(Policy{}, candidate, candidate.User, testNow); kept && next.Action != c.Action {
			t.Fatalf("%q: at the same moment it is %s, and not %s", text, next.Action, c.Action)
		}
	})
}

// FuzzDecide: any account is removed only if nothing protects it, and its last login is
// known and before the cutoff, or it is known never to have logged in and the policy
// removes such accounts.
func FuzzDecide(f *testing.F) {
	for i := range 64 {
		f.Add("17", "ana", "ana@x", int64(i)*3e7, int64(1_500_000_000+i), int64(i%3)*1_600_000_000, uint8(i), uint16(i*1031), uint8(i%3))
	}
	f.Fuzz(func(t *testing.T, id, username, email string, login, created, activity int64, state uint8, flags uint16, never uint8) {
		flag := func(i int) bool { return flags>>i&1 == 1 }
		u := User{
			ID: id, Username: username, Email: email, LastLogin: LastLogin{State: LoginState(state % 5), NotAfter: flag(0)},
			Partial: flag(1), LoginAlone: flag(2), Admin: flag(3), ServiceAccount: flag(4), Disabled: flag(5), Undated: flag(6),
		}
		if u.LastLogin.State == LoginKnown {
			u.LastLogin.At = time.Unix(login%1e10, 0)
		}
		if created != 0 {
			u.Created = time.Unix(created%1e10, 0)
		}
		if activity != 0 {
			u.LastActivity = time.Unix(activity%1e10, 0)
		}
		p := Policy{
			InactiveFor: 90 * day, NeverLoggedIn: []NeverPolicy{NeverKeep, NeverRemove, NeverRemoveUndated}[never%3],
			ProtectAdmins: flag(7), ProtectServiceAccounts: flag(8), DisableOnly: flag(9), RequireDisabled: flag(10),
		}
		if flag(11) {
			p.Self = ExactNames(username)
		}
		if flag(12) && !p.DisableOnly {
			p.DisableAfter = 45 * day
		}
		d := p.Decide(u, testNow)
		if d.Action == Keep {
			return
		}
		cutoff := testNow.Add(-90 * day)
		if d.Action == Disable && p.DisableAfter > 0 {
			cutoff = testNow.Add(-45 * day)
		}
		known := u.LastLogin.State == LoginKnown && u.LastLogin.At.Before(cutoff) && d.Reason == Inactive
		no := p.NeverLoggedIn != NeverKeep && d.Reason == NeverLoggedIn && u.LastLogin.State != LoginHidden && u.LastLogin.State != LoginUnreadable &&
			(u.LastLogin.State != LoginKnown || u.LastLogin.At.Before(u.Created)) && (!u.Created.IsZero() && u.Created.Before(cutoff) || p.NeverLoggedIn == NeverRemoveUndated && u.Undated)
		switch {
		case !known && !no, !SafeID(id), u.LastActivity.After(cutoff) && !u.LastActivity.After(testNow),
			p.ProtectAdmins && u.Admin, p.ProtectServiceAccounts && u.ServiceAccount, p.Self.Len() > 0,
			p.DisableOnly && d.Action == Remove, p.RequireDisabled && d.Action == Remove && !u.Disabled:
			t.Errorf("%+v with %+v: %+v", u, p, d)
		}
	})
}

var raise = regexp.MustCompile(`raise DORMANT_MAX_REMOVAL_PERCENT to (\d+)`)

// FuzzLimits: the guards let through what is within both limits, to the account,
// and what they say would do, does.
func FuzzLimits(f *testing.F) {
	f.Add(100, 10.0, uint16(10), uint32(100), uint8(1))
	f.Add(0, 0.0, uint16(1), uint32(1), uint8(0))
	f.Add(math.MaxInt, 7.0, uint16(7), uint32(100), uint8(1))
	f.Add(5, 33.333333, uint16(1), uint32(3), uint8(1))
	f.Add(5, 0.000001, uint16(1), uint32(100_000_000), uint8(1))
	f.Fuzz(func(t *testing.T, most int, percent float64, n uint16, scanned uint32, active uint8) {
		scanned %= 2_000_000
		if most < 0 || !(percent >= 0 && percent <= 100) || uint32(n) > scanned {
			return
		}
		plan := &Plan{Candidates: candidatesOf(slices.Repeat([]Candidate{{Action: Remove}}, int(n))...), Scanned: int(scanned), LoggedIn: int(active), NewestLogin: testNow, At: testNow}
		refused := map[string]bool{}
		limits := limits(most, percent)
		for _, r := range limits.Check(plan) {
			refused[r.Guard] = true
			if r.Guard == GuardMaxRemovalPercent {
				enough, err := strconv.Atoi(raise.FindStringSubmatch(r.Message)[1])
				if err != nil {
					t.Fatal(err)
				}
				again := Limits{MaxRemovals: math.MaxInt, MaxRemovalPercent: float64(enough), MaxSilence: day}
				if enough > 100 || len(again.Check(plan)) > 0 {
					t.Errorf("%d of %d: %s, and that does not do", n, scanned, r.Message)
				}
			}
		}
		// Exactly: n/scanned against percent, which is rounded to a millionth of an account.
		share, _ := new(big.Float).Mul(big.NewFloat(percent), big.NewFloat(float64(scanned))).Float64()
		over := float64(n)*100-share > 1e-3
		within := float64(n)*100-share < -1e-3
		if refused[GuardMaxRemovals] != (int(n) > most) || over && !refused[GuardMaxRemovalPercent] || within && refused[GuardMaxRemovalPercent] ||
			refused[GuardRequireActive] != (active == 0 && n > 0) {
			t.Errorf("%d of %d, %d and %g%%: %v", n, scanned, most, percent, refused)
		}
	})
}
