package job

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The invariants that run checks hold under random faults, changes and interruptions.
func TestRunWhateverHappens(t *testing.T) {
	const runs = 200
	outcomes := map[Outcome]int{}
	for seed := range uint64(runs) {
		var mu sync.Mutex
		r := rand.New(rand.NewPCG(seed, 0))
		random := func(n int) int {
			mu.Lock()
			defer mu.Unlock()
			return r.IntN(n)
		}
		takes := func() { <-time.After(time.Duration(random(3000)) * time.Millisecond) }
		change := func(u *User) {
			edits := []func(*User){
				login("2026-06-30T00:00:00Z"), login("2024-06-30T00:00:00Z"), loginIs(LoginNever), loginIs(LoginHidden), admin,
				mailed("a@x"), activity("2026-06-01T00:00:00Z"), undated, created("2026-06-01T00:00:00Z"), func(u *User) { u.ID += "/.." },
			}
			edits[random(len(edits))](u)
		}
		errs := []error{errBroken, errAgain, ErrNotFound, ErrCredentials, ErrSignedOut, ErrUnsupported}
		users := []User{with("new", login("2026-06-30T00:00:00Z"))}
		for i := range random(30) {
			u := with(strconv.Itoa(i))
			u.Disabled = random(4) == 0
			if random(3) == 0 {
				change(&u)
			}
			users = append(users, u)
		}
		ok := t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			inBubble(t, users, func(t *testing.T, c *cleanup) {
				c.Concurrency, c.MaxFailures, c.Recheck, c.DryRun = 1+random(5), 1+random(5), random(4) > 0, random(8) == 0
				c.Policy.NeverLoggedIn = []NeverPolicy{NeverKeep, NeverRemove, NeverRemoveUndated}[random(3)]
				c.Policy.DisableOnly, c.Policy.RequireDisabled = random(4) == 0, random(3) == 0
				c.Policy.DisableAfter = time.Duration(random(2)*45*24) * time.Hour
				if random(8) == 0 {
					c.Limits.MaxRemovals = random(10)
				}
				if random(2) == 0 {
					found := map[string]time.Time{}
					for _, u := range users {
						found[u.ID] = testNow.Add(-time.Duration(random(60)) * day)
					}
					c.Ledger = foundOnly(found)
				}
				elsewhere := func() *Activity { return nil }
				if random(3) == 0 {
					elsewhere = func() *Activity {
						return readActivity(t, "email,last_login", "a@x,2025-01-01", "mail-of-5@corp.example,2026-06-30", "mail-of-6@corp.example,2023-01-01")
					}
				}
				c.Activity = elsewhere()
				trouble := 5 + random(100) // one in so many
				c.dir.list = func(context.Context, int) error {
					if random(50*trouble) == 0 {
						return errBroken
					}
					return nil
				}
				c.dir.read = func(_ context.Context, u User) (User, error) {
					takes()
					if random(trouble) == 0 {
						return u, errs[random(len(errs))]
					}
					if random(trouble) == 0 {
						change(&u)
					}
					return u, nil
				}
				c.dir.remove = func(context.Context, string, int) error {
					takes()
					if random(trouble) == 0 {
						return errs[random(len(errs))]
					}
					return nil
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if random(2) == 0 {
					ended := time.AfterFunc(time.Duration(random(30000))*time.Millisecond, cancel)
					defer ended.Stop()
				}
				// The plan is pure: it says what might be done with whom.
				allowed := map[string]bool{"self": true, "list": true, "renew": true}
				plan, err := ReadPlan(func(yield func(User, error) bool) {
					for _, u := range users {
						if !yield(u, nil) {
							return
						}
					}
				}, c.Policy, elsewhere(), testNow)
				if err != nil {
					t.Fatal(err)
				}
				c.Ledger.applyGrace(plan, c.Policy, testNow)
				for _, candidate := range plan.Candidates.All() {
					allowed["read "+candidate.User.ID], allowed["find "+candidate.User.ID] = true, true
					allowed[fmt.Sprintf("%s %s", candidate.Action, candidate.User.ID)] = true
				}
				r := c.run(ctx, t)
				for _, what := range c.dir.asked {
					if !allowed[what] {
						t.Errorf("asked to %s, which is not in the plan", what)
					}
				}
				if c.dir.busiest > c.Concurrency {
					t.Errorf("%d at once, want %d", c.dir.busiest, c.Concurrency)
				}
				if r.DryRun && len(c.dir.asked) > 2 {
					t.Errorf("a dry run asked %v", c.dir.asked)
				}
				mu.Lock()
				outcomes[r.Outcome]++
				mu.Unlock()
			})
		})
		if !ok {
			break
		}
	}
	for _, o := range []Outcome{Completed, DryRun, Refused, Partial, Failed, Interrupted} {
		if outcomes[o] == 0 && !t.Failed() {
			t.Errorf("no run was %s: %v", o, outcomes)
		}
	}
}
