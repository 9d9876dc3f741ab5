package job

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A run that is cut short starts nothing new, lets end what is under way, and
// still reports. A removal takes 10 s here, a look and a page 1 s.
func TestRunCutShort(t *testing.T) {
	slow := func(ctx context.Context, d time.Duration) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	atOnce := func(c *cleanup, cancel context.CancelFunc) { cancel() }
	in := func(d time.Duration) func(*cleanup, context.CancelFunc) {
		return func(_ *cleanup, cancel context.CancelFunc) { time.AfterFunc(d, cancel) }
	}
	message := func(text string) func(*cleanup, context.CancelFunc) {
		return func(c *cleanup, cancel context.CancelFunc) {
			c.logged = func(line string) {
				if strings.Contains(line, text) {
					cancel()
				}
			}
		}
	}
	tests := []struct {
		rule    string
		cut     func(*cleanup, context.CancelFunc)
		outcome Outcome
		became  string
		asked   string
	}{
		{"before it starts", atOnce, Interrupted, "", "self"},
		{"while it lists", in(2500 * time.Millisecond), Interrupted, "", "self list"},
		{"while the listing ends as if it were whole", func(c *cleanup, cancel context.CancelFunc) {
			c.dir.list = func(_ context.Context, i int) error {
				if i < 2 {
					return nil
				}
				cancel()
				return errCutShort
			}
		}, Interrupted, "", "self list"},
		{"while it looks again", in(4500 * time.Millisecond), Interrupted, "1:not_attempted 2:not_attempted 3:not_attempted", "self list read 1"},
		{"between the intent and the request", message("removing account"), Interrupted, "1:not_attempted 2:not_attempted 3:not_attempted", "self list read 1"},
		{"while it removes", in(6 * time.Second), Interrupted, "1:removed 2:not_attempted 3:not_attempted", "self list read 1 remove 1 find 1"},
		{"while it removes the second", in(17 * time.Second), Interrupted, "1:removed 2:removed 3:not_attempted", "self list read 1 remove 1 find 1 read 2 remove 2 find 2"},
		{"while it removes the last", in(28 * time.Second), Completed, "1:removed 2:removed 3:removed", ""},
		{"when a request has failed and is to be repeated", func(c *cleanup, cancel context.CancelFunc) {
			c.dir.remove = func(context.Context, string, int) error { cancel(); return errAgain }
		}, Interrupted, "1:failed 2:not_attempted 3:not_attempted", "self list read 1 remove 1 read 1"},
		{"when the last account's request is to be repeated", func(c *cleanup, cancel context.CancelFunc) {
			c.dir.remove = func(_ context.Context, id string, _ int) error {
				if id != "3" {
					return nil
				}
				cancel()
				return errAgain
			}
		}, Interrupted, "1:removed 2:removed 3:failed", ""},
		{"after it has ended", message("run finished"), Completed, "1:removed 2:removed 3:removed", ""},
	}
	for _, tt := range tests {
		for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
			want := tt.outcome
			if want == Interrupted && errors.Is(cause, context.DeadlineExceeded) {
				want = Failed
			}
			t.Run(tt.rule+": "+cause.Error(), func(t *testing.T) {
				inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
					c.dir.self = func() (User, error) { return User{ID: "janitor"}, nil }
					c.dir.list = func(ctx context.Context, i int) error {
						if i == len(c.dir.users) {
							return nil
						}
						return slow(ctx, time.Second)
					}
					c.dir.read = func(ctx context.Context, u User) (User, error) { return u, slow(ctx, time.Second) }
					c.dir.remove = func(context.Context, string, int) error { return slow(context.Background(), 10*time.Second) }
					ctx := &endable{Context: t.Context(), done: make(chan struct{})}
					tt.cut(c, sync.OnceFunc(func() { ctx.end(cause) }))
					r := c.run(ctx, t)
					if r.Outcome != want || resultsOf(r) != tt.became || want != Completed && !errors.Is(r.Err, cause) {
						t.Errorf("%s: %s, error %v\nwant %s: %s", r.Outcome, resultsOf(r), r.Err, want, tt.became)
					}
					if got := strings.Join(c.dir.asked, " "); got != tt.asked && tt.asked != "" {
						t.Errorf("asked %s\nwant  %s", got, tt.asked)
					}
				})
			})
		}
	}
}

// endable is a context that a test ends, with an error of its choice.
type endable struct {
	context.Context
	done chan struct{}
	err  error
}

func (c *endable) Done() <-chan struct{} { return c.done }

func (c *endable) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

func (c *endable) end(err error) {
	c.err = err
	close(c.done)
	synctest.Wait() // until the contexts that come from it have ended as well
}

func TestRunTimeout(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.dir.remove = func(context.Context, string, int) error { <-time.After(10 * time.Second); return nil }
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		r := c.run(ctx, t)
		if r.Outcome != Failed || resultsOf(r) != "1:removed 2:removed 3:not_attempted" || !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Errorf("%s: %s, error %v", r.Outcome, resultsOf(r), r.Err)
		}
		if took := r.FinishedAt.Sub(r.StartedAt); took != 20*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
