package job

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// says makes the directory answer the request about each of these accounts with an error,
// or with nil. An account for which it says nothing is removed.
func says(answers map[string]error) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.remove = func(_ context.Context, id string, _ int) error { return answers[id] }
	}
}

// finds makes the look after the request come to something else for these accounts.
func finds(answers map[string]func(User) (User, error)) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.find = func(_ context.Context, u User) (User, error) {
			if answer, ok := answers[u.ID]; ok {
				return answer(u)
			}
			return User{}, errAsUsual
		}
	}
}

// findsNobody makes the directory one that can't read a single account.
func findsNobody(c *cleanup) {
	c.dir.find = func(context.Context, User) (User, error) { return User{}, fmt.Errorf("find: %w", ErrUnsupported) }
	c.dir.read = func(context.Context, User) (User, error) { return User{}, fmt.Errorf("read: %w", ErrUnsupported) }
}

// listsAgain changes what the listing has when it is read again.
func listsAgain(change func(*cleanup)) func(*cleanup) {
	return func(c *cleanup) {
		n := 0
		c.dir.list = func(_ context.Context, i int) error {
			if i == 0 {
				if n++; n == 2 {
					change(c)
				}
			}
			return nil
		}
	}
}

func there(u User) (User, error)      { return u, nil }
func notThere(User) (User, error)     { return User{}, fmt.Errorf("find: %w", ErrNotFound) }
func broken(User) (User, error)       { return User{}, errBroken }
func isDisabled(u User) (User, error) { u.Disabled = true; return u, nil }
func somebody(User) (User, error)     { return User{ID: "99"}, nil }
func isUntold(u User) (User, error)   { u.Partial = true; return u, nil }

// unnamedNow is the look for an account that has no longer the name that led to it.
func unnamedNow(User) (User, error) { return User{}, fmt.Errorf("find: %w", ErrUnproven) }

// keptDisabled is an account that the directory keeps although it calls it gone.
func keptDisabled(u User) (User, error) {
	u.Disabled = true
	return u, fmt.Errorf("find: %w", ErrNotFound)
}

// TestNothingIsReportedAsDoneThatWasNotSeen has every claim of a directory with every look
// after it.
func TestNothingIsReportedAsDoneThatWasNotSeen(t *testing.T) {
	const again = " renew list"
	type look = map[string]func(User) (User, error)
	unclear, unnamed := fmt.Errorf("answered 200: %w", ErrUnclear), fmt.Errorf("answered 205: %w", ErrUnnamed)
	accepted := fmt.Errorf("answered 202: %w", errors.Join(ErrUnnamed, ErrAccepted))
	listed := func(c *cleanup) {} // as it is: accounts that no request has removed are in it
	gone := func(ids ...string) func(*cleanup) {
		return listsAgain(func(c *cleanup) { c.dir.gone = append(c.dir.gone, ids...) })
	}
	for _, tt := range []struct {
		rule    string
		disable bool
		says    error // of account 2
		finds   func(User) (User, error)
		lists   func(*cleanup)
		outcome Outcome
		became  string
		error   string // of account 2, or a part of it
		asked   string // after the requests
	}{
		{"done, and gone", false, nil, notThere, nil, Completed, "removed", "", ""},
		{"done, and still there", false, nil, there, nil, Partial, "failed", "is as it was", ""},
		{"done, and there is nobody with its name, gone", false, nil, unnamedNow, gone("2"), Completed, "removed", "", again},
		{"done, and there is nobody with its name, listed under another", false, nil, unnamedNow, listed, Partial, "failed", "is as it was", again},
		{"done, and there is nobody with its name, and the listing fails", false, nil, unnamedNow, list(0, errBroken), Completed, "removed", "", again},
		{"done, and there is nobody with its name, and the listing is empty", false, nil, unnamedNow, list(0, errCutShort), Completed, "removed", "", again},
		{"no such account, nor one with its name, and the listing fails", false, ErrNotFound, unnamedNow, list(0, errBroken), Failed, "failed", "nobody knows", again},
		{"accepted, and there is nobody with its name, gone", false, ErrAccepted, unnamedNow, gone("2"), Completed, "removed", "", again},
		{"accepted, and there is nobody with its name, listed under another", false, ErrAccepted, unnamedNow, listed, Completed, "accepted", "", again},
		{"done, and shown as disabled", false, nil, isDisabled, nil, Partial, "failed", "as one that is disabled", ""},
		{"done, and nobody can be read alone, gone", false, nil, nil, gone("2"), Completed, "removed", "", again},
		{"done, and nobody can be read alone, listed", false, nil, nil, listed, Partial, "failed", "is as it was", again},
		{"done, and the look fails, gone", false, nil, broken, gone("2"), Completed, "removed", "", again},
		{"done, and the look fails, listed", false, nil, broken, listed, Partial, "failed", "is as it was", again},
		{"done, and the look finds somebody else, gone", false, nil, somebody, gone("2"), Completed, "removed", "", again},
		{"done, and the look finds somebody else, listed", false, nil, somebody, listed, Partial, "failed", "is as it was", again},
		{"done, and nothing can be read any more", false, nil, broken, list(0, errBroken), Failed, "failed", "nobody knows whether it is so: the listing that has to show it can't be read: list users: broken pipe (before, the account could not be read: broken pipe)", again},
		{"done, and the listing is empty", false, nil, nil, list(0, errCutShort), Partial, "failed", "has 0 of 1 accounts that were kept", again},

		{"accepted, and gone", false, ErrAccepted, notThere, nil, Completed, "removed", "", ""},
		{"accepted, not named, and gone", false, accepted, notThere, gone("2"), Completed, "already_gone", "answered 202", again},
		{"accepted, not named, and still there", false, accepted, there, nil, Completed, "accepted", "", ""},
		{"accepted, not named, gone from the listing", false, accepted, nil, gone("2"), Completed, "already_gone", "answered 202", again},
		{"accepted, not named, and listed", false, accepted, nil, listed, Completed, "accepted", "", again},
		{"accepted, not named, and the listing is empty", false, accepted, nil, list(0, errCutShort), Completed, "accepted", "", again},
		{"accepted, and still there", false, ErrAccepted, there, nil, Completed, "accepted", "", ""},
		{"accepted, and nobody can be read alone", false, ErrAccepted, nil, listed, Completed, "accepted", "", ""},
		{"accepted, and the look fails", false, ErrAccepted, broken, listed, Completed, "accepted", "", ""},

		{"unclear, and gone", false, unclear, notThere, nil, Completed, "removed", "", ""},
		{"unclear, and still there", false, unclear, there, nil, Partial, "failed", "answered 200", ""},
		{"unclear, gone from the listing", false, unclear, nil, gone("2"), Completed, "removed", "", again},
		{"unclear, and listed", false, unclear, nil, listed, Partial, "failed", "answered 200", again},
		{"unclear, and the listing is empty", false, unclear, nil, list(0, errCutShort), Partial, "failed", "answered 200", again},

		{"not named, and gone", false, unnamed, notThere, gone("2"), Completed, "already_gone", "answered 205", again},
		{"not named, not found, and listed", false, unnamed, notThere, listed, Partial, "failed", "answered 205", again},
		{"not named, and still there", false, unnamed, there, nil, Partial, "failed", "answered 205", ""},
		{"not named, gone from the listing", false, unnamed, nil, gone("2"), Completed, "already_gone", "answered 205", again},
		{"not named, and listed", false, unnamed, nil, listed, Partial, "failed", "answered 205", again},

		{"no such account, and gone", false, ErrNotFound, notThere, gone("2"), Completed, "already_gone", "", again},
		{"no such account, and still there", false, ErrNotFound, there, nil, Partial, "failed", "still has it", ""},
		{"no such account, and listed", false, ErrNotFound, notThere, listed, Partial, "failed", "still has it", again},
		{"no such account, and the look fails, gone", false, ErrNotFound, broken, gone("2"), Completed, "already_gone", "", again},
		{"no such account, and the look fails, listed", false, ErrNotFound, broken, listed, Partial, "failed", "still has it", again},
		{"no such account, and the listing is empty", false, ErrNotFound, notThere, list(0, errCutShort), Partial, "failed", "has 0 of 1 accounts that were kept", again},
		{"no such account, and the listing fails", false, ErrNotFound, notThere, list(0, errBroken), Failed, "failed", "nobody knows", again},
		{"no such account, and the listing has others only", false, ErrNotFound, notThere, listsAgain(func(c *cleanup) { c.dir.users = []User{with("77")} }), Partial, "failed", "has 0 of 1 accounts that were kept", again},

		{"refused", false, fmt.Errorf("%w", ErrRefused), nil, nil, Completed, "refused_by_directory", "the directory refuses", ""},

		{"disabled, and disabled", true, nil, isDisabled, nil, Completed, "disabled", "", ""},
		{"disabled, and still enabled", true, nil, there, nil, Partial, "failed", "is as it was", ""},
		{"disabled, and kept where it can't be found", true, nil, keptDisabled, nil, Completed, "disabled", "", ""},
		{"disabled, and gone by now", true, nil, notThere, gone("2"), Completed, "disabled", "may have been removed instead", again},
		{"disabled, and not found, but listed as it was", true, nil, notThere, listed, Partial, "failed", "is as it was", again},
		{"disabled, and it is not told", true, nil, isUntold, listed, Partial, "failed", "is as it was", again},
		{"disabled, and it is told by the listing", true, nil, isUntold, listsAgain(func(c *cleanup) { c.dir.disabled = append(c.dir.disabled, "2") }), Completed, "disabled", "", again},
		{"disabled, and nobody can be read alone", true, nil, nil, listsAgain(func(c *cleanup) { c.dir.disabled = append(c.dir.disabled, "2") }), Completed, "disabled", "", again},
		{"will be disabled, and is not yet", true, ErrAccepted, there, nil, Completed, "accepted", "", ""},
		{"will be disabled, and is", true, ErrAccepted, isDisabled, nil, Completed, "disabled", "", ""},
		{"disabled by an answer that is not named", true, unnamed, isDisabled, nil, Completed, "disabled", "answered 205", ""},
		{"not disabled by an answer that is not named", true, unnamed, there, nil, Partial, "failed", "answered 205", ""},
		{"to disable, no such account", true, ErrNotFound, notThere, gone("2"), Completed, "already_gone", "", again},
		{"to disable, no such account, and shown as disabled", true, ErrNotFound, isDisabled, nil, Partial, "failed", "still has it", ""},
		{"to disable, refused", true, fmt.Errorf("%w", ErrRefused), nil, nil, Completed, "refused_by_directory", "the directory refuses", ""},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			users := []User{with("new", login("2026-06-30T00:00:00Z")), with("2", login("2022-01-01T00:00:00Z"))}
			inBubble(t, users, func(t *testing.T, c *cleanup) {
				c.Policy.DisableOnly = tt.disable
				c.dir.lies = true
				if tt.finds == nil {
					findsNobody(c)
				} else {
					finds(look{"2": tt.finds})(c)
				}
				says(map[string]error{"2": tt.says})(c)
				if tt.lists != nil {
					first := true // the listing before is always whole
					tt.lists(c)
					if hook := c.dir.list; hook != nil {
						c.dir.list = func(ctx context.Context, i int) error {
							err := hook(ctx, i)
							if first && i == len(c.dir.users) {
								first = false
								return nil
							}
							if first {
								return nil
							}
							return err
						}
					}
				}
				r := c.run(t.Context(), t)
				if got := string(r.Accounts.At(0).Result); r.Outcome != tt.outcome || got != tt.became {
					t.Errorf("%s: %s, error %v\nwant %s: %s", r.Outcome, got, r.Err, tt.outcome, tt.became)
				}
				if a := r.Accounts.At(0); !strings.Contains(a.Error, tt.error) || (a.Error == "") != (tt.error == "") {
					t.Errorf("its error is %q, want %q", a.Error, tt.error)
				}
				asked := strings.Join(c.dir.asked, " ")
				if _, after, _ := strings.Cut(asked, "able 2"); tt.disable && strings.TrimPrefix(after, " find 2") != tt.asked {
					t.Errorf("asked %s", asked)
				}
				if _, after, _ := strings.Cut(asked, "remove 2"); !tt.disable && strings.TrimPrefix(after, " find 2") != tt.asked {
					t.Errorf("asked %s", asked)
				}
			})
		})
	}
}

// TestGoneForEverybody: one removal works, and then everything is answered with "no such
// account". Only a listing that still shows who was kept confirms that.
func TestGoneForEverybody(t *testing.T) {
	lost := func(c *cleanup) {
		says(map[string]error{"2": ErrNotFound, "3": ErrNotFound})(c)
		c.dir.removeNotFound = true
		c.dir.find = func(_ context.Context, u User) (User, error) { return User{}, fmt.Errorf("find: %w", ErrNotFound) }
	}
	all := func(c *cleanup) {}
	for _, tt := range []struct {
		rule    string
		recheck bool
		lists   func(*cleanup)
		outcome Outcome
		became  string
	}{
		{"the listing has them", true, all, Partial, "1:removed 2:failed 3:failed"},
		{"the listing has them, without a second look", false, all, Partial, "1:removed 2:failed 3:failed"},
		{"the listing is empty", true, listsAgain(func(c *cleanup) { c.dir.users = nil }), Partial, "1:removed 2:failed 3:failed"},
		{"the listing has others", true, listsAgain(func(c *cleanup) { c.dir.users = []User{with("8"), with("9")} }), Partial, "1:removed 2:failed 3:failed"},
		{"the listing fails", true, listsAgain(func(c *cleanup) { c.dir.list = func(context.Context, int) error { return errBroken } }), Failed, "1:removed 2:failed 3:failed"},
		{"the listing has who was kept", true, listsAgain(func(c *cleanup) { c.dir.users = c.dir.users[:1] }), Completed, "1:removed 2:already_gone 3:already_gone"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.Recheck = tt.recheck
				lost(c)
				tt.lists(c)
				if r := c.run(t.Context(), t); r.Outcome != tt.outcome || resultsOf(r) != tt.became {
					t.Errorf("%s: %s, error %v\nwant %s: %s", r.Outcome, resultsOf(r), r.Err, tt.outcome, tt.became)
				}
			})
		})
	}
}

// TestHalfOfTheWitnesses: of the accounts that were kept, half have to be there still.
func TestHalfOfTheWitnesses(t *testing.T) {
	for seen, want := range map[int]bool{0: false, 1: false, 2: true, 3: true, 4: true} {
		if err := (&relisting{witnesses: 4, seen: seen}).doubt(); (err == nil) != want {
			t.Errorf("%d of 4: %v", seen, err)
		}
	}
	if err := (&relisting{}).doubt(); err == nil {
		t.Error("a listing of nobody confirms something")
	}
	if err := (&relisting{witnesses: 1, seen: 1, err: errBroken}).doubt(); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

// TestNobodyWasKept: then no listing can show that it is whole. What the directory says
// that it did counts, and that somebody is gone does not.
func TestNobodyWasKept(t *testing.T) {
	inBubble(t, threeDormant()[1:], func(t *testing.T, c *cleanup) {
		c.Limits.RequireActive, c.Limits.MaxSilence = false, math.MaxInt64
		findsNobody(c)
		says(map[string]error{"2": ErrNotFound})(c)
		if r := c.run(t.Context(), t); resultsOf(r) != "1:removed 2:failed 3:removed" || r.Outcome != Partial {
			t.Errorf("%s: %s", r.Outcome, resultsOf(r))
		}
	})
}

// TestTheCallerIsNoWitness: a caller that has lost its rights may still see itself.
func TestTheCallerIsNoWitness(t *testing.T) {
	users := append(threeDormant(), with("me", login("2026-06-30T00:00:00Z")))
	inBubble(t, users, func(t *testing.T, c *cleanup) {
		c.dir.self = func() (User, error) { return User{ID: "me"}, nil }
		says(map[string]error{"2": ErrNotFound})(c)
		listsAgain(func(c *cleanup) { c.dir.users = c.dir.users[4:] })(c)
		if r := c.run(t.Context(), t); resultsOf(r) != "1:removed 2:failed 3:removed" || r.Outcome != Partial {
			t.Errorf("%s: %s", r.Outcome, resultsOf(r))
		}
	})
}

// TestRenamedBeforeItWasLookedFor: a directory that is asked by name finds nobody by the old
// one, and lists the account under the new one: nothing was sent, and it is not gone.
func TestRenamedBeforeItWasLookedFor(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.dir.read = func(_ context.Context, u User) (User, error) {
			if u.ID == "2" {
				return u, fmt.Errorf("read user: %w", ErrNotFound)
			}
			return u, nil
		}
		listsAgain(func(c *cleanup) { c.dir.gone, c.dir.users[3].Username = nil, "somebody" })(c)
		r := c.run(t.Context(), t)
		if a := r.Accounts.At(1); resultsOf(r) != "1:removed 2:kept/unsafe_id 3:removed" || !strings.Contains(a.Error, `"name-of-2" and is "somebody"`) || c.dir.requests["2"] > 0 {
			t.Errorf("%s: %+v", resultsOf(r), a)
		}
	})
}

// TestTheLastLooksEnd: once the run is told to end, the looks after the requests take a few
// seconds at most, and what they have not shown is not known.
func TestTheLastLooksEnd(t *testing.T) {
	slowly := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(45 * time.Second):
			return nil
		}
	}
	for name, row := range map[string]struct {
		says   error
		find   func(ctx context.Context, u User) (User, error)
		list   func(context.Context) error // when it is read again
		became string
	}{
		"gone, and the look is slow":     {ErrNotFound, func(ctx context.Context, u User) (User, error) { return u, slowly(ctx) }, nil, "1:already_gone"},
		"gone, and the listing is slow":  {ErrNotFound, nil, slowly, "1:failed"},
		"gone, and both are fast":        {ErrNotFound, nil, func(context.Context) error { return nil }, "1:already_gone"},
		"done, and the look is slow":     {nil, func(ctx context.Context, u User) (User, error) { return u, slowly(ctx) }, slowly, "1:failed"},
		"done, and the look is fast":     {nil, nil, slowly, "1:removed"},
		"accepted, and the look is slow": {ErrAccepted, func(ctx context.Context, u User) (User, error) { return u, slowly(ctx) }, slowly, "1:accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				ctx, cancel := context.WithCancel(t.Context())
				c.dir.remove = func(context.Context, string, int) error { cancel(); return row.says }
				if c.dir.find = row.find; row.find == nil {
					c.dir.find = func(context.Context, User) (User, error) { return User{}, errAsUsual }
				}
				n := 0
				c.dir.list = func(ctx context.Context, i int) error {
					if i == 0 {
						n++
					}
					if n > 1 && row.list != nil && i == 0 {
						return row.list(ctx)
					}
					return nil
				}
				start := time.Now()
				r := c.run(ctx, t)
				if took := time.Since(start); took > 2*lastLook+time.Second {
					t.Errorf("it took %s to end", took)
				}
				if want := row.became + " 2:not_attempted 3:not_attempted"; resultsOf(r) != want || r.Outcome != Interrupted {
					t.Errorf("%s: %s, want %s", r.Outcome, resultsOf(r), want)
				}
			})
		})
	}
}

// TestRefusalsDoNotStarveTheRest: what the directory answers about one account neither ends
// the run nor hides that the directory fails.
func TestRefusalsDoNotStarveTheRest(t *testing.T) {
	declined, refused := fmt.Errorf("answered 400: %w", ErrDeclined), fmt.Errorf("answered 422: %w", ErrRefused)
	forbidden := fmt.Errorf("answered 403: %w: %w", ErrCredentials, ErrDeclined)
	for _, tt := range []struct {
		rule    string
		says    map[string]error
		outcome Outcome
		became  string
		error   string
	}{
		{"refused", map[string]error{"1": refused, "2": refused}, Completed, "1:refused_by_directory 2:refused_by_directory 3:removed", ""},
		{"all refused", map[string]error{"1": refused, "2": refused, "3": refused}, Completed, "1:refused_by_directory 2:refused_by_directory 3:refused_by_directory", ""},
		{"declined", map[string]error{"1": declined, "2": declined}, Partial, "1:failed 2:failed 3:removed", ""},
		{"not done", map[string]error{"1": fmt.Errorf("x: %w", ErrUnclear), "2": fmt.Errorf("x: %w", ErrUnnamed)}, Partial, "1:failed 2:failed 3:removed", ""},
		{"forbidden, and then not", map[string]error{"1": forbidden, "2": forbidden}, Partial, "1:failed 2:failed 3:removed", ""},
		{"forbidden for all", map[string]error{"1": forbidden, "2": forbidden, "3": forbidden}, Failed, "1:failed 2:failed 3:failed", "3 removals failed (DORMANT_MAX_FAILURES) and none succeeded"},
		{"forbidden for fewer than the limit", map[string]error{"1": forbidden, "2": refused, "3": refused}, Partial, "1:failed 2:refused_by_directory 3:refused_by_directory", ""},
		{"broken", map[string]error{"1": errBroken, "2": errBroken}, Failed, "1:failed 2:failed 3:not_attempted", "2 removals in a row failed"},
		{"broken, and a refusal in between", map[string]error{"1": errBroken, "2": refused, "3": errBroken}, Failed, "1:failed 2:refused_by_directory 3:failed", "2 removals in a row failed"},
		{"broken, and one declined in between", map[string]error{"1": errBroken, "2": declined, "3": errBroken}, Failed, "1:failed 2:failed 3:failed", "2 removals in a row failed"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.MaxFailures = 2
				says(tt.says)(c)
				r := c.run(t.Context(), t)
				if r.Outcome != tt.outcome || resultsOf(r) != tt.became || !strings.Contains(r.Error, tt.error) {
					t.Errorf("%s: %s, error %v\nwant %s: %s", r.Outcome, resultsOf(r), r.Err, tt.outcome, tt.became)
				}
				if tt.rule == "forbidden for all" && !errors.Is(r.Err, ErrCredentials) {
					t.Errorf("the error is %v", r.Err)
				}
			})
		})
	}
}
