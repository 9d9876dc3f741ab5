package job

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// benchmarkUsers are accounts of which so many in ten were not used for two years.
func benchmarkUsers(n, inactive int, now time.Time) []User {
	var users []User
	for i := range n {
		last := now.AddDate(0, 0, -i%28)
		if i%10 < inactive {
			last = now.AddDate(-2, 0, -i%500)
		}
		users = append(users, User{
			ID: strconv.Itoa(10_000_000 + i), Username: fmt.Sprint("user", i), Email: fmt.Sprint("user", i, "@example.org"),
			Created: now.AddDate(-5, 0, 0), LastLogin: LoginAt(last),
		})
	}
	return users
}

// BenchmarkReadPlan takes one account through the policy and, if it is a candidate, into the plan.
func BenchmarkReadPlan(b *testing.B) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	allowlist := ExactNames("ceo@example.org", "backup", "user7")
	for _, bb := range []struct {
		name      string
		inactive  int // of ten
		allowlist Entries
	}{{"kept", 0, Entries{}}, {"kept, with an allowlist", 0, allowlist}, {"3 of 10 candidates", 3, Entries{}}} {
		b.Run(bb.name, func(b *testing.B) {
			const n = 10_000
			users := benchmarkUsers(n, bb.inactive, now)
			c := Cleanup{Policy: Policy{InactiveFor: 90 * day, ProtectAdmins: true, ProtectServiceAccounts: true, Allowlist: bb.allowlist}}
			b.ReportAllocs()
			for b.Loop() {
				plan, err := c.Plan(func(yield func(User, error) bool) {
					for _, u := range users {
						if !yield(u, nil) {
							return
						}
					}
				}, now)
				if err != nil || len(plan.Candidates) != n*bb.inactive/10 {
					b.Fatal(plan, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "accounts/s")
			b.ReportMetric(0, "ns/op") // of all of them together
		})
	}
}

// BenchmarkRunWithLedger takes accounts through a ledger that knows them, and writes it before and
// after the run acts.
func BenchmarkRunWithLedger(b *testing.B) {
	path := filepath.Join(b.TempDir(), "l")
	const n = 100_000
	p := Policy{InactiveFor: 90 * day}
	run := 0
	for b.Loop() {
		run++
		now := testNow.AddDate(0, 0, run)
		l, err := OpenLedger(LedgerOptions{Path: path, Directory: "d", Keep: 400 * day})
		if err != nil {
			b.Fatal(err)
		}
		l.begin(now)
		plan, err := readPlan(func(yield func(User, error) bool) {
			for i := range n {
				u := User{ID: strconv.Itoa(10_000_000 + i), Username: "user", Created: testNow.AddDate(-5, 0, 0)}
				switch {
				case i%50 == 0:
					u.LastLogin = LoginAt(testNow.AddDate(-2, 0, 0))
				case i%3 == 0:
					u.LastLogin = LoginAt(now.Add(-time.Duration(i%86400) * time.Second))
				default:
					u.LastLogin = LoginAt(testNow.AddDate(0, 0, -i%60))
				}
				if !yield(u, nil) {
					return
				}
			}
		}, p, nil, l, now)
		if err != nil {
			b.Fatal(err)
		}
		r := Report{Ledger: &LedgerReport{}}
		l.check(&r, &p, plan, nil)
		if err := l.remember("x", &p, plan, true); err != nil {
			b.Fatal(err)
		}
		r.Accounts = plan.accountsOf(plan.notAttempted)
		if err := l.settle(plan, &r); err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "accounts/s")
}
