package client

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A throttle decides how many requests are under way at once, and when the next one may
// start. It begins with the most that is configured, which it never exceeds, and takes
// fewer when the directory asks for that, or answers more slowly because of them. Later it
// takes more again, one by one. There is always one that may be under way. It is safe for
// concurrent use.
type throttle struct {
	most int

	mu       sync.Mutex
	limit    int             // from 1 to most
	underWay int             // turns
	waiting  []chan struct{} // for a turn, in the order of their coming; closed when it comes

	changes int           // of the limit; the answer to a request from before says nothing of it
	changed time.Time     // the limit
	grew    bool          // at its last change
	hold    time.Duration // how long the limit stays as it is before it grows
	pause   time.Time     // until then nothing starts, because the directory said so

	usual   map[string]time.Duration // how long an answer takes, by operation
	slow    slowness
	attempt *attempt // nil: there is none

	budgets map[string]*budget // as the directory announced them, by operation
	last    time.Time          // when a request started
}

// slowness is how long answers took while as many requests were under way as may be.
type slowness struct {
	answers int           // those below 0 do not count: fewer requests were under way before
	times   float64       // the usual time, in total
	excess  time.Duration // over the usual time, in total
}

// An attempt is to have half as many requests under way because answers take long. If that
// costs throughput, the number of requests is not the cause, and it ends.
type attempt struct {
	limit      int // before
	slowdown   float64
	throughput float64
}

const (
	firstHold, maxHold = time.Second, time.Minute

	// Answers are slow when they take so many times and so much longer than usual.
	slowTimes  = 1.5
	slowExcess = 5 * time.Millisecond

	// worthwhile is the part of the throughput that an attempt has to keep.
	worthwhile = 0.9
)

func newThrottle(most int) *throttle {
	return &throttle{
		most: most, limit: most, hold: firstHold, slow: slowness{answers: -most},
		usual: map[string]time.Duration{}, budgets: map[string]*budget{},
	}
}

// A turn is the right to have one request under way. It is in the context of the request,
// and of those that have to be sent in the same turn, such as the look right before a
// removal: if they waited for a turn of their own, the removal would wait between the look
// and its request, and all turns could wait for each other.
type turn struct {
	throttle *throttle
	urgent   bool // nothing delays its requests
	ended    bool
}

type turnKey struct{}

// turnOf returns the turn in the context, or nil.
func turnOf(ctx context.Context) *turn {
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// withUrgency returns a context for requests that may not be delayed.
func withUrgency(ctx context.Context) context.Context {
	return context.WithValue(ctx, turnKey{}, &turn{urgent: true})
}

// enter waits for a turn, unless the context has one already, and returns a context with
// it. The caller has to end it.
func (t *throttle) enter(ctx context.Context) (context.Context, *turn, error) {
	if outer := turnOf(ctx); outer != nil {
		inner := &turn{urgent: outer.urgent}
		return context.WithValue(ctx, turnKey{}, inner), inner, nil
	}
	if err := t.take(ctx); err != nil {
		return ctx, nil, err
	}
	taken := &turn{throttle: t}
	return context.WithValue(ctx, turnKey{}, taken), taken, nil
}

// end ends the turn, once.
func (t *turn) end() {
	if t.throttle == nil {
		return // it is part of another one
	}
	t.throttle.mu.Lock()
	defer t.throttle.mu.Unlock()
	if !t.ended {
		t.ended = true
		t.throttle.underWay--
		t.throttle.admit()
	}
}

func (t *throttle) take(ctx context.Context) error {
	t.mu.Lock()
	ready := make(chan struct{})
	t.waiting = append(t.waiting, ready)
	t.admit()
	t.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, ready); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	} else { // its turn came at the same moment
		t.underWay--
		t.admit()
	}
	return context.Cause(ctx)
}

// admit lets those who wait have their turn, as far as the limit allows. The caller holds mu.
func (t *throttle) admit() {
	for len(t.waiting) > 0 && t.underWay < t.limit {
		t.underWay++
		close(t.waiting[0])
		t.waiting = t.waiting[1:]
	}
}

// atOnce is how many requests may be under way now.
func (t *throttle) atOnce() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.limit
}

// set changes the limit. The caller holds mu.
func (t *throttle) set(limit int, now time.Time) {
	t.grew = limit > t.limit
	t.limit = min(max(1, limit), t.most)
	t.changes, t.changed = t.changes+1, now
	t.slow, t.attempt = slowness{answers: -t.limit}, nil
	t.admit()
}

// shrink makes the limit smaller, and makes it wait longer before it grows. If it has just
// grown, that was one too many. The caller holds mu.
func (t *throttle) shrink(limit int, now time.Time) {
	if t.grew {
		limit = t.limit - 1
	}
	t.set(limit, now)
	t.hold = min(2*t.hold, maxHold)
}

// A start is when a request was sent.
type start struct {
	at      time.Time
	changes int // of the limit, until then
}

func (t *throttle) start(now time.Time) start {
	t.mu.Lock()
	defer t.mu.Unlock()
	return start{now, t.changes}
}

// refused notes that the directory did not carry out a request because there were too
// many, and how long it asked to wait.
func (t *throttle) refused(sent start, now time.Time, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until := now.Add(wait); until.After(t.pause) {
		t.pause = until
	}
	if sent.changes == t.changes {
		t.shrink(t.limit/2, now)
	}
}

// answered notes how long an answer took.
func (t *throttle) answered(operation string, sent start, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := max(now.Sub(sent.at), time.Microsecond)
	usual, known := t.usual[operation]
	if !known {
		t.usual[operation], usual = took, took
	}
	if sent.changes != t.changes {
		return
	}
	if t.underWay >= t.limit {
		t.slow.answers++
	}
	if t.underWay >= t.limit && t.slow.answers > 0 {
		t.slow.times += float64(took) / float64(usual)
		t.slow.excess += took - usual
	}
	switch {
	case t.slow.answers >= max(8, 4*t.limit):
		t.judge(now)
	case t.limit < t.most && t.attempt == nil && now.Sub(t.changed) >= t.hold:
		if t.grew { // and it went well
			t.hold = max(t.hold/2, firstHold)
		}
		t.set(t.limit+1, now)
	}
}

// judge decides what the last answers mean for the limit. The caller holds mu.
func (t *throttle) judge(now time.Time) {
	n := float64(t.slow.answers)
	slowdown := t.slow.times / n
	isSlow := slowdown > slowTimes && t.slow.excess > slowExcess*time.Duration(n)
	throughput := float64(t.limit) / slowdown
	before := t.attempt
	t.slow, t.attempt = slowness{}, nil
	switch {
	case before != nil && throughput < worthwhile*before.throughput:
		t.set(before.limit, now)
		t.grew = false
		t.rebase(before.slowdown)
	case before != nil:
		t.hold = min(2*t.hold, maxHold)
	case isSlow && t.limit > 1 && t.grew:
		t.shrink(t.limit-1, now)
	case isSlow && t.limit > 1:
		attempt := &attempt{t.limit, slowdown, throughput}
		t.set(t.limit/2, now)
		t.attempt = attempt
	case slowdown < 1:
		t.rebase(slowdown)
	}
}

// rebase makes so many times the usual time the usual one. The caller holds mu.
func (t *throttle) rebase(times float64) {
	for operation, usual := range t.usual {
		t.usual[operation] = max(time.Duration(float64(usual)*times), time.Microsecond)
	}
}
