package client

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestReadAnnouncement(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		headers string // name: value; several are separated by |
		want    announcement
		ok      bool
	}{
		{"", announcement{}, false},
		{"X-RateLimit-Remaining: 7|X-RateLimit-Limit: 10|X-RateLimit-Reset: 30", announcement{7, 10, 30 * time.Second}, true},
		{"X-Rate-Limit-Remaining: 7|X-Rate-Limit-Limit: 10|X-Rate-Limit-Reset: " + strconv.FormatInt(now.Unix()+90, 10), announcement{7, 10, 90 * time.Second}, true},
		{"RateLimit-Remaining: 0|RateLimit-Limit: 10, 10;w=60|RateLimit-Reset: 5", announcement{0, 10, 5 * time.Second}, true},
		{"X-RateLimit-Remaining: 7|X-RateLimit-Reset: 3600", announcement{7, 0, time.Hour}, true},
		{"X-RateLimit-Remaining: 7|X-RateLimit-Reset: 999999999", announcement{7, 0, maxReset}, true},
		{"X-RateLimit-Remaining: 7", announcement{7, 0, unknownReset}, true},
		{"X-RateLimit-Remaining: 7|X-RateLimit-Reset: -1", announcement{7, 0, 0}, true},
		{"X-RateLimit-Remaining: 7|X-RateLimit-Reset: soon", announcement{7, 0, 0}, true},
		{"X-RateLimit-Remaining: 7|X-Quota-Reset: 9|X-RateLimit-Reset: 30", announcement{7, 0, 9 * time.Second}, true},
		{"X-RateLimit-Remaining: -1|X-RateLimit-Reset: 30", announcement{}, false},
		{"X-RateLimit-Remaining: unlimited", announcement{}, false},
		{"X-RateLimit-Remaining: 7.5", announcement{}, false},
		{"X-RateLimit-Remaining: 99999999999999999999", announcement{}, false},
		{"X-RateLimit-Reset: 30|X-RateLimit-Limit: 10", announcement{}, false},
		{"RateLimit: limit=100, remaining=50, reset=30", announcement{50, 100, 30 * time.Second}, true},
		{"RateLimit: limit=100,remaining=0,reset=1", announcement{0, 100, time.Second}, true},
		{`RateLimit: "default";r=50;t=30`, announcement{50, 0, 30 * time.Second}, true},
		{`RateLimit: "burst";r=50;t=30, "daily";r=9;t=3600`, announcement{9, 0, time.Hour}, true},
		{`RateLimit: "burst";r=50;t=30|RateLimit: "daily";r=900;t=3600`, announcement{50, 0, 30 * time.Second}, true},
		{`RateLimit: "burst";r=50`, announcement{50, 0, unknownReset}, true},
		{`RateLimit: "burst";t=50`, announcement{}, false},
		{`RateLimit: "burst"`, announcement{}, false},
		{`RateLimit: "r=5"`, announcement{}, false},
	} {
		header := http.Header{}
		for line := range strings.SplitSeq(row.headers, "|") {
			name, value, _ := strings.Cut(line, ": ")
			header.Add(name, value)
		}
		if got, ok := readAnnouncement(header, "X-Quota-Reset", now); got != row.want && row.ok || ok != row.ok {
			t.Errorf("%s: %+v %t, want %+v %t", row.headers, got, ok, row.want, row.ok)
		}
	}
}

// TestBudgetWait: the first half goes as fast as it can, the next quarter is spread evenly,
// and the last one stays.
func TestBudgetWait(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		left, most  int
		reset, last time.Duration // from now
		want        time.Duration
	}{
		{100, 100, time.Minute, 0, 0},
		{51, 100, time.Minute, 0, 0},
		{50, 100, time.Minute, 0, 2400 * time.Millisecond},                // 25 requests in a minute
		{50, 100, time.Minute, -time.Second, 1400 * time.Millisecond},     // of which one was a second ago
		{50, 100, time.Minute, -3 * time.Second, -600 * time.Millisecond}, // it is time
		{26, 100, time.Minute, 0, time.Minute},
		{25, 100, time.Minute, 0, time.Minute},
		{0, 100, time.Minute, 0, time.Minute},
		{-3, 100, time.Minute, 0, time.Minute},
		{0, 100, time.Minute, -time.Hour, 0},
		{0, 100, time.Hour, 0, maxRetryAfter},
		{0, 100, 0, 0, 0},
		{0, 100, -time.Second, 0, 0},
		{1, 1, time.Minute, 0, 0},
		{0, 1, time.Minute, 0, time.Minute},
		{1, 2, time.Minute, 0, time.Minute},
	} {
		b := &budget{left: row.left, most: row.most, reset: now.Add(row.reset)}
		if got := b.wait(now.Add(row.last), now); max(got, 0) != max(row.want, 0) {
			t.Errorf("%+v: %s", row, got)
		}
	}
	if got := (*budget)(nil).wait(now, now); got != 0 {
		t.Error(got)
	}
}

// window is a directory with so many requests in each span, and whatever it does not refuse
// it answers at once.
type window struct {
	size int
	span time.Duration

	mu        sync.Mutex
	from      time.Time
	left      int
	taken     map[string]int // in this span, by who asked
	most      map[string]int // in any span
	refusals  map[string]int
	announces func(h http.Header, w *window)
}

func newWindow(size int, span time.Duration) *window {
	return &window{size: size, span: span, from: time.Now(), left: size, taken: map[string]int{}, most: map[string]int{}, refusals: map[string]int{},
		announces: func(h http.Header, w *window) {
			h.Set("X-RateLimit-Limit", strconv.Itoa(w.size))
			h.Set("X-RateLimit-Remaining", strconv.Itoa(w.left))
			h.Set("X-RateLimit-Reset", fmt.Sprint(time.Until(w.from.Add(w.span)).Seconds()))
		}}
}

// take takes one of what is left, and reports whether there was one.
func (w *window) take(who string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.from) >= w.span {
		w.from, w.left, w.taken = time.Now(), w.size, map[string]int{}
	}
	if w.left == 0 {
		w.refusals[who]++
		return false
	}
	w.left--
	w.taken[who]++
	w.most[who] = max(w.most[who], w.taken[who])
	return true
}

func (w *window) ServeHTTP(rw http.ResponseWriter, _ *http.Request) {
	<-time.After(10 * time.Millisecond)
	ok := w.take("dormant")
	w.mu.Lock()
	w.announces(rw.Header(), w)
	w.mu.Unlock()
	if !ok {
		rw.WriteHeader(http.StatusTooManyRequests)
		return
	}
	io.WriteString(rw, `{"id":1}`)
}

// TestBudgetIsShared: no more than three quarters of an announced budget are taken, so that
// another client with a quarter of it is never refused.
func TestBudgetIsShared(t *testing.T) {
	for name, announces := range map[string]func(h http.Header, w *window){
		"limit, remaining, reset": nil,
		"remaining, reset": func(h http.Header, w *window) {
			h.Set("X-RateLimit-Remaining", strconv.Itoa(w.left))
			h.Set("X-RateLimit-Reset", w.from.Add(w.span).Format(time.RFC3339))
		},
		"RateLimit": func(h http.Header, w *window) {
			h.Set("RateLimit", fmt.Sprintf(`"default";r=%d;t=%d`, w.left, int(time.Until(w.from.Add(w.span)).Seconds())+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var w *window
			bubble(t, func(*testing.T) http.Handler {
				w = newWindow(100, time.Minute)
				if announces != nil {
					w.announces = announces
				}
				return w
			}, func(t *testing.T, s *server) {
				c := connect(t, s, sketch(t, "", "", single))
				stop := busy(t, c, 4)
				other := time.NewTicker(4 * time.Second) // 15 in a minute, and 10 more at the end
				for range 10 * 15 {
					<-other.C
					w.take("other")
				}
				for range 10 {
					w.take("other")
				}
				other.Stop()
				stop()
				w.mu.Lock()
				defer w.mu.Unlock()
				if w.refusals["other"] > 0 || w.refusals["dormant"] > 0 {
					t.Errorf("refused: %v", w.refusals)
				}
				if most := w.most["dormant"]; most > 76 || most < 50 {
					t.Errorf("%d of 100 requests", most)
				}
			})
		})
	}
}

// TestBudgetAlone: the first half of a budget costs no time.
func TestBudgetAlone(t *testing.T) {
	var w *window
	bubble(t, func(*testing.T) http.Handler { w = newWindow(5000, time.Hour); return w }, func(t *testing.T, s *server) {
		c := connect(t, s, sketch(t, "", "", single))
		stop := busy(t, c, 4)
		<-time.After(5 * time.Second)
		stop()
		w.mu.Lock()
		defer w.mu.Unlock()
		if got := w.taken["dormant"]; got < 1990 {
			t.Errorf("%d requests in 5 s", got)
		}
	})
}

// TestNoBudget: a directory that always says that nothing is left, and answers all the same,
// says nothing.
func TestNoBudget(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(10 * time.Millisecond)
		w.Header().Set("X-RateLimit-Remaining", "0")
		io.WriteString(w, `{"id":1}`)
	})
	bubble(t, answering(h), func(t *testing.T, s *server) {
		stop := busy(t, connect(t, s, sketch(t, "", "", single)), 4)
		<-time.After(time.Second)
		stop()
		if got := len(s.seen()); got < 390 {
			t.Errorf("%d requests in a second", got)
		}
	})
}
