package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// changing makes the first n readings of the listing fail because it changed, each
// behind all of its accounts.
func (d *inMemory) changing(n int) {
	d.list = func(_ context.Context, i int) error {
		if i < len(d.users) || n == 0 {
			return nil
		}
		n--
		return fmt.Errorf("page 7 does not fit: %w", ErrChanged)
	}
}

func TestRunReadsAChangedListingAgain(t *testing.T) {
	for changes, want := range map[int]struct {
		outcome Outcome
		lists   int
		removed string
	}{
		0: {Completed, 1, "1 2 3"},
		1: {Completed, 2, "1 2 3"},
		2: {Completed, 3, "1 2 3"},
		3: {Failed, 3, ""},
		9: {Failed, 3, ""},
	} {
		t.Run(strconv.Itoa(changes), func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.dir.changing(changes)
				r := c.run(t.Context(), t)
				lists := 0
				for _, what := range c.dir.asked {
					if what == "list" {
						lists++
					}
				}
				if r.Outcome != want.outcome || lists != want.lists || strings.Join(c.dir.removed, " ") != want.removed || r.Counts.Scanned != 4 {
					t.Errorf("%s after %d readings of %d accounts, removed %q; want %+v", r.Outcome, lists, r.Counts.Scanned, c.dir.removed, want)
				}
				if logged := strings.Count(c.log.String(), "read again"); logged != want.lists-1 {
					t.Errorf("%d warnings of %d readings: %s", logged, lists, c.log.String())
				}
				warned := slices.ContainsFunc(r.Warnings, func(w Warning) bool {
					return w.Code == WarnListingChanged && strings.Contains(w.Message, fmt.Sprintf("read %d times", want.lists))
				})
				if warned != (want.outcome == Completed && want.lists > 1) {
					t.Errorf("the report warns: %+v", r.Warnings)
				}
				if want.outcome == Failed && (!errors.Is(r.Err, ErrChanged) || !strings.Contains(r.Error, "read 3 times") || !strings.Contains(r.Error, "page 7 does not fit")) {
					t.Errorf("the error is %q", r.Error)
				}
			})
		})
	}
}

func TestRunReadsNoOtherFailureAgain(t *testing.T) {
	for _, failure := range []error{errors.New("the listing runs in a circle"), ErrCredentials, ErrProfile, context.DeadlineExceeded} {
		inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
			c.dir.list = func(_ context.Context, i int) error {
				if i == 2 {
					return failure
				}
				return nil
			}
			if r := c.run(t.Context(), t); r.Outcome != Failed || !slices.Equal(c.dir.asked, []string{"self", "list"}) {
				t.Errorf("%v: %s, asked %q", failure, r.Outcome, c.dir.asked)
			}
		})
	}
}

// What is read before the change counts for nothing, and the time-out of the run is that
// of all readings together.
func TestAnotherReadingStartsFromNothing(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.Policy.Allowlist = entries("2", "late")
		before := c.dir.users
		c.dir.list = func(_ context.Context, i int) error {
			if i < len(c.dir.users) || c.dir.users[0].ID == "late" {
				return nil
			}
			c.dir.users = slices.Concat([]User{with("late", login("2020-01-01T00:00:00Z"))}, before[:3])
			return ErrChanged
		}
		r := c.run(t.Context(), t)
		if r.Outcome != Completed || r.Counts.Scanned != 4 || r.Accounts.Len() != 2 || r.Counts.Kept[Allowlisted] != 1 || r.Counts.Kept[Active] != 1 {
			t.Errorf("%s, %+v", r.Outcome, r.Counts)
		}
		if got := strings.Join(c.dir.removed, " "); got != "1 3" {
			t.Errorf("removed %q", got)
		}
	})
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		c.dir.list = func(ctx context.Context, i int) error {
			if i < len(c.dir.users) {
				return nil
			}
			select {
			case <-time.After(time.Hour):
				return ErrChanged
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		r := c.run(ctx, t)
		if r.Outcome != Failed || len(c.dir.asked) != 3 || !r.FinishedAt.Equal(r.StartedAt.Add(90*time.Minute)) {
			t.Errorf("%s at %s, asked %q", r.Outcome, r.FinishedAt.Sub(r.StartedAt), c.dir.asked)
		}
	})
}

// An account that a row matched in a reading that is void is not the row's other owner.
func TestAnotherReadingForgetsTheRowsOfTheFirst(t *testing.T) {
	for what, read := range map[string]func(*testing.T, *cleanup) Decision{
		"run": func(t *testing.T, c *cleanup) Decision {
			r := c.run(t.Context(), t)
			if r.Accounts.Len() != 1 {
				return Decision{}
			}
			return Decision{r.Accounts.At(0).Action, r.Accounts.At(0).Reason}
		},
		"explain": func(t *testing.T, c *cleanup) Decision {
			found, err := c.Explain(t.Context(), "again", testNow)
			if err != nil || len(found) != 1 {
				t.Fatal(found, err)
			}
			return found[0].Decision
		},
	} {
		t.Run(what, func(t *testing.T) {
			old, again := with("old", login("2021-01-01T00:00:00Z")), with("again", login("2021-01-01T00:00:00Z"))
			old.Username, again.Username = "ana", "ana"
			inBubble(t, []User{threeDormant()[0], old}, func(t *testing.T, c *cleanup) {
				var err error
				if c.Activity, err = ReadActivity(strings.NewReader("username,last_login\nana,2022-01-01\nname-of-new,2026-07-01\n"), testNow); err != nil {
					t.Fatal(err)
				}
				c.dir.list = func(_ context.Context, i int) error {
					if i < len(c.dir.users) || c.dir.users[1].ID == "again" {
						return nil
					}
					c.dir.users = []User{c.dir.users[0], again}
					return ErrChanged
				}
				if got, want := read(t, c), (Decision{Remove, Inactive}); got != want {
					t.Errorf("%v, want %v", got, want)
				}
			})
		})
	}
}

func TestResolveReadsAChangedListingAgain(t *testing.T) {
	j, err := ReadJournal(strings.NewReader(`{"time":"2026-07-01T00:00:00Z","run_id":"r","event":"intent","user_id":"1","action":"remove","reason":"inactive"}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := &inMemory{users: threeDormant()}
	d.changing(1)
	if err := j.Resolve(t.Context(), d, ""); err != nil || j.Accounts[0].State != StateNotDone {
		t.Errorf("%v, %s", err, j.Accounts[0].State)
	}
}
