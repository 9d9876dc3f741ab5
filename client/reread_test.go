package client

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dormant/job"
)

// TestChangedListings: a listing that changed while it was read is job.ErrChanged,
// because another reading may succeed; one that would fail each time is not.
func TestChangedListings(t *testing.T) {
	const byPage = ", page: {param: p, first: 1}"
	for name, row := range map[string]struct {
		listing string
		routes  routes
		heals   bool
	}{
		"the total is larger": {byPage + ", total: n", routes{
			"GET /users?p=1": people(1, 2, `,"n":4`), "GET /users?p=2": people(3, 3, `,"n":4`), "GET /users?p=3": people(1, 0, `,"n":4`)}, true},
		"behind the last page, it comes once more, and the total has grown": {byPage + ", total: n, size: {param: s, default: 2, max: 2}", routes{
			"GET /users?p=1&s=2": people(1, 2, `,"n":4`), "GET /users?p=2&s=2": people(3, 4, `,"n":4`), "GET /users?p=3&s=2": people(3, 4, `,"n":5`)}, true},
		"behind the only page, it comes once more, and the total has grown": {byPage + ", total: n, size: {param: s, default: 2, max: 2}", routes{
			"GET /users?p=1&s=2": people(1, 2, `,"n":2`), "GET /users?p=2&s=2": people(1, 2, `,"n":3`)}, true},
		"the total is smaller": {byPage + ", total: n", routes{"GET /users?p=1": people(1, 3, `,"n":2`)}, true},
		"an account came with other contents": {byPage, routes{
			"GET /users?p=1": `{"users":[{"id":1,"at":5},{"id":2}]}`, "GET /users?p=2": `{"users":[{"id":1,"at":6},{"id":3}]}`, "GET /users?p=3": people(1, 0, "")}, true},
		"an account is twice on one page": {byPage, routes{
			"GET /users?p=1": `{"users":[{"id":1,"at":5},{"id":1,"at":6}]}`, "GET /users?p=2": people(1, 0, "")}, false},
		"a page has only accounts of earlier pages": {byPage, routes{
			"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": people(2, 2, ""), "GET /users?p=3": people(1, 0, "")}, true},
		"a page is the one before once more": {byPage, routes{
			"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": people(3, 4, ""), "GET /users?p=3": people(3, 4, "")}, true},
		"every page is the first": {byPage, routes{
			"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": people(1, 2, "")}, false},
		"a later page is the first": {byPage, routes{
			"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": people(3, 4, ""), "GET /users?p=3": people(1, 2, "")}, false},
		"there is no such page any more":               {byPage + ", total: n", routes{"GET /users?p=1": people(1, 2, `,"n":4`), "GET /users?p=2": 404}, true},
		"there is no such page any more, or never was": {byPage, routes{"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": 404}, true},
		"there is no page for the cursor any more":     {byCursor, routes{"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": 404}, true},
		"the cursor is a bad one by now":               {byCursor, routes{"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": 400}, true},
		"the cursor is gone":                           {byCursor, routes{"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": 410}, true},
		"the cursor is forbidden":                      {byCursor, routes{"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": 403}, false},
		"there is no page without a cursor":            {byCursor, routes{"GET /users?c=0": 404}, false},
		"the first page does not exist":                {byPage, routes{"GET /users?p=1": 404}, false},
		"the first request is a bad one":               {byPage, routes{"GET /users?p=1": 400}, false},
		"a later page is forbidden":                    {byPage, routes{"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": 403}, false},
		"a later page fails":                           {byPage, routes{"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": 500}, false},
		"a later page is no JSON":                      {byPage, routes{"GET /users?p=1": people(1, 2, ""), "GET /users?p=2": "<html>"}, false},
		"the cursors run in a circle":                  {byCursor, routes{"GET /users?c=0": people(1, 1, `,"next":"a"`), "GET /users?c=a": people(2, 2, `,"next":"a"`)}, false},
		"the next page is somewhere else":              {", next: next", routes{"GET /users": people(1, 1, `,"next":"http://127.0.0.1:9/prefix/users?p=2"`)}, false},
		"the total is no number":                       {", total: n", routes{"GET /users": people(1, 1, `,"n":"many"`)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			p := sketch(t, row.listing, ", last_login: at, optional: [last_login]", "")
			_, err := all(t, s, connect(t, s, p, retries(0)))
			if err == nil || errors.Is(err, job.ErrChanged) != row.heals {
				t.Errorf("%v; another reading may succeed: %t, want %t", err, errors.Is(err, job.ErrChanged), row.heals)
			}
		})
	}
}

// shifting is a directory of pages by number that changes right after it has answered
// the request with a given number.
type shifting struct {
	mu      sync.Mutex
	ids     []string
	size    int
	total   bool
	answers int
	after   map[int]func(ids []string) []string
	removed []string
}

func (d *shifting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Method == http.MethodDelete {
		id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		d.removed = append(d.removed, id)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	number, _ := strconv.Atoi(r.URL.Query().Get("p"))
	from := min((number-1)*d.size, len(d.ids))
	var items []string
	for _, id := range d.ids[from:min(from+d.size, len(d.ids))] {
		items = append(items, fmt.Sprintf(`{"id":%q,"at":"2020-01-01"}`, id))
	}
	total := ""
	if d.total {
		total = fmt.Sprintf(`,"n":%d`, len(d.ids))
	}
	fmt.Fprintf(w, `{"users":[%s]%s}`, strings.Join(items, ","), total)
	d.answers++
	if change := d.after[d.answers]; change != nil {
		d.ids = change(d.ids)
	}
}

// TestRunOfADirectoryThatChanges: a change while the listing is read costs another
// reading, and the run removes what that one had.
func TestRunOfADirectoryThatChanges(t *testing.T) {
	everybody := strings.Fields("a b c d e f g h i")
	join := func(ids []string) []string { return append([]string{"0"}, ids...) }
	leave := func(ids []string) []string { return slices.Clone(ids[1:]) }
	for name, row := range map[string]struct {
		total    bool
		after    map[int]func([]string) []string
		readings int
		failed   bool
	}{
		"nothing":                          {true, nil, 1, false},
		"an account is made":               {true, map[int]func([]string) []string{2: join}, 2, false},
		"an account is removed":            {true, map[int]func([]string) []string{1: leave}, 2, false},
		"one, and one in the next reading": {true, map[int]func([]string) []string{1: leave, 4: leave}, 3, false},
		"each time":                        {true, map[int]func([]string) []string{1: leave, 4: leave, 7: leave, 10: leave}, 3, true},
		"no total, an account is made":     {false, map[int]func([]string) []string{3: join}, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := &shifting{ids: everybody, size: 3, total: row.total, after: row.after}
			s := serve(t, d)
			more := ""
			if row.total {
				more = ", total: n"
			}
			p := sketch(t, ", page: {param: p, first: 1}"+more, ", last_login: at", "")
			c := connect(t, s, p, retries(0), connections(1)) // the order of several answers is not fixed
			journal, err := job.OpenJournal(filepath.Join(t.TempDir(), "journal"), "run-1")
			if err != nil {
				t.Fatal(err)
			}
			cleanup := job.Cleanup{
				RunID: "run-1", Command: "run", Directory: c, Concurrency: 1, MaxFailures: 1, Journal: journal, Log: zerolog.New(s),
				Policy: job.Policy{InactiveFor: 90 * 24 * time.Hour}, Limits: job.Limits{MaxRemovals: 100, MaxRemovalPercent: 100, MaxSilence: math.MaxInt64},
			}
			r := cleanup.Run(t.Context(), time.Now().UTC())
			if r.Err != nil != row.failed {
				t.Fatal(r.Outcome, r.Err)
			}
			want := d.ids
			if row.failed {
				want = nil
			}
			if !slices.Equal(slices.Sorted(slices.Values(d.removed)), want) {
				t.Errorf("removed %q of %q", d.removed, d.ids)
			}
			before, _, _ := strings.Cut(s.lines(), "DELETE") // behind it, the listing is read to see who is gone
			// How far a reading has come when the change is noticed is left to chance.
			if readings := strings.Count(before, "GET /users?p=1\n"); readings != row.readings {
				t.Errorf("%d readings, want %d:\n%s", readings, row.readings, s.lines())
			}
			if warned := strings.Contains(s.logged(), "read again"); warned != (row.after != nil) {
				t.Errorf("warned: %t: %s", warned, s.logged())
			}
		})
	}
}
