package client

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A budget is how many requests the directory says that it will still answer until a time.
// Others may have to live on the same budget.
type budget struct {
	left, most int // most: that was ever left, or that the directory announces
	reset      time.Time
}

// wait is how long the next request has to wait, if the last one started at that time. The
// first half of a budget is spent as fast as it goes. A quarter is spread over the time
// that is left, and the last quarter is left to others.
func (b *budget) wait(last, now time.Time) time.Duration {
	if b == nil || 2*b.left > b.most || !now.Before(b.reset) {
		return 0
	}
	left := b.reset.Sub(now)
	interval := left
	if free := b.left - b.most/4; free > 0 {
		interval /= time.Duration(free)
	}
	return min(last.Add(min(interval, maxRetryAfter)).Sub(now), left)
}

// announced notes what the headers of an answer say of the budget of the operation.
func (t *throttle) announced(operation string, a announcement, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.budgets[operation]
	if b == nil {
		b = &budget{}
		t.budgets[operation] = b
	}
	b.most = max(b.most, a.limit, a.remaining)
	b.left = a.remaining - max(0, t.underWay-1) // the others may not be counted yet
	b.reset = now.Add(a.reset)
	if b.most == 0 { // then it is no budget
		delete(t.budgets, operation)
	}
}

// delay is how long the request of the operation has to wait. If that is 0, the request is
// taken to start.
func (t *throttle) delay(operation string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.budgets[operation]
	wait := max(t.pause.Sub(now), b.wait(t.last, now))
	if wait > 0 {
		return wait
	}
	t.last = now
	if b != nil {
		b.left--
	}
	return 0
}

// An announcement is what the headers of an answer say of a budget of requests.
type announcement struct {
	remaining, limit int
	reset            time.Duration // until it begins anew
}

// Servers announce a budget by one of these headers. None of them is standardised.
var (
	remainingHeaders = []string{"X-RateLimit-Remaining", "X-Rate-Limit-Remaining", "RateLimit-Remaining"}
	limitHeaders     = []string{"X-RateLimit-Limit", "X-Rate-Limit-Limit", "RateLimit-Limit"}
	resetHeaders     = []string{"X-RateLimit-Reset", "X-Rate-Limit-Reset", "RateLimit-Reset"}
)

// unknownReset is taken for the time until a budget begins anew if nothing tells.
const unknownReset = time.Minute

// readAnnouncement reads the headers. The profile's header comes before the usual ones to
// tell the time.
func readAnnouncement(header http.Header, profileReset string, now time.Time) (a announcement, ok bool) {
	remaining, limit, reset := firstHeader(header, remainingHeaders), firstHeader(header, limitHeaders), firstHeader(header, resetHeaders)
	if combined := strings.Join(header.Values("RateLimit"), ", "); remaining == "" && combined != "" {
		remaining, limit, reset = readRateLimit(combined)
	}
	if profileReset != "" && header.Get(profileReset) != "" {
		reset = header.Get(profileReset)
	}
	if a.remaining, ok = leadingNumber(remaining); !ok {
		return a, false
	}
	a.limit, _ = leadingNumber(limit)
	if a.reset = unknownReset; reset != "" {
		a.reset = spanUntil(reset, now)
	}
	return a, true
}

// leadingNumber is the number before any parameters, as in "100;w=60, 1000;w=3600".
func leadingNumber(text string) (int, bool) {
	text, _, _ = strings.Cut(text, ",")
	text, _, _ = strings.Cut(text, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	return int(n), err == nil
}

var rateLimitMember = regexp.MustCompile(`(?i)(?:^|[\s;,])(limit|remaining|reset|r|t)\s*=\s*([0-9]+)`)

// readRateLimit reads a RateLimit header as the drafts of it have it:
// "limit=100, remaining=50, reset=30", and later `"burst";r=50;t=30, "daily";r=900;t=3600`,
// of which the one with the least left counts.
func readRateLimit(header string) (remaining, limit, reset string) {
	parts := strings.Split(header, ",")
	if strings.Contains(strings.ToLower(header), "remaining") {
		parts = []string{header}
	}
	least := -1
	for _, part := range parts {
		found := map[string]string{}
		for _, m := range rateLimitMember.FindAllStringSubmatch(part, -1) {
			found[strings.ToLower(m[1])] = m[2]
		}
		left := found["remaining"] + found["r"]
		if n, ok := leadingNumber(left); ok && (least < 0 || n < least) {
			least, remaining, limit, reset = n, left, found["limit"], found["reset"]+found["t"]
		}
	}
	return remaining, limit, reset
}
