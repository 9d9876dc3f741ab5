package profiles_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client"
	"dormant/client/sandbox"
	"dormant/job"
)

// removing: a run removes exactly the accounts that it decided to remove, with exactly the
// requests of the system.
func (s system) removing(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	before := d.Users()
	run := s.cleanup(t, s.connect(t, name, d, false, nil), d, false)
	r := run.Run(t.Context(), now)

	var results []string
	for _, a := range s.all() {
		if a.isCandidate() {
			results = append(results, a.name+" "+cmp.Or(a.removal, s.removed, "removed"))
		}
	}
	slices.Sort(results)
	equal(t, "results", d.results(t, before, r), results)
	equal(t, "removed", d.names(t, before, d.Removed()), s.those(account.isRemoved))
	equal(t, "sent", d.sent(builtin(t, name)), changes(before, s.those(account.isSent), s.remove))
	if failed := len(s.those(func(a account) bool { return a.removal == "failed" })); failed > 0 != (r.Outcome == job.Partial) {
		t.Errorf("%d failed, and the outcome is %s", failed, r.Outcome)
	}
	explained(t, r)
}

// removingMore: with an extra turned on, a run sends the requests of the extra. Without
// extras it sends others, as removing shows.
func (s system) removingMore(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	for _, name := range slices.Sorted(maps.Keys(p.Extras)) {
		if s.extras[name].remove == nil {
			t.Errorf("%s: there is no row for it", name)
		}
	}
	for _, on := range slices.Sorted(maps.Keys(s.extras)) {
		more := s.extras[on]
		d := s.serve(t, name, now, nil)
		before := d.Users()
		c := s.connect(t, name, d, false, func(o *client.Options) {
			o.Values.Params = maps.Clone(o.Values.Params)
			if o.Values.Params == nil {
				o.Values.Params = map[string]string{}
			}
			o.Values.Params[on] = "true"
		})
		run := s.cleanup(t, c, d, false)
		run.Concurrency = 1
		r := run.Run(t.Context(), now)
		removed := append(s.those(account.isRemoved), more.removes...)
		sent := changes(before, s.those(account.isSent), more.remove)
		if more.refused {
			removed = nil
			sent = slices.DeleteFunc(sent, func(line string) bool { return !slices.Contains(d.sent(p), line) })
		}
		slices.Sort(removed)
		equal(t, on+": removed", d.names(t, before, d.Removed()), removed)
		equal(t, on+": sent", d.sent(p), sent)
		if len(sent) == 0 {
			t.Errorf("%s: nothing was tried", on)
		}
		explained(t, r)
	}
}

// candidate returns an account that a run would remove, as the client lists it.
func (s system) candidate(t *testing.T, c *client.Client, d *directory) job.User {
	t.Helper()
	want, ok := d.Find("gone")
	if !ok {
		t.Fatal("the directory has no account gone")
	}
	var found job.User
	for u, err := range c.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if u.ID == want.ID {
			found = u
		}
	}
	if found.ID == "" {
		t.Fatal("the client does not list the account gone")
	}
	return found
}

func agree(context.Context, func(job.User) error) error { return nil }

// came returns the outcome of a removal or a disabling that returned err; done is the one of
// a success.
func came(err error, done string) string {
	switch {
	case err == nil, errors.Is(err, job.ErrAccepted):
		return done
	case errors.Is(err, job.ErrNotFound):
		return "gone"
	case errors.Is(err, job.ErrRefused):
		return "refused"
	}
	return "failed"
}

// removingTwice: a second removal of an account has the outcome of the system, and removes
// nothing else.
func (s system) removingTwice(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	c := s.connect(t, name, d, false, nil)
	u := s.candidate(t, c, d)
	if err := c.Remove(t.Context(), u, agree); came(err, "removed") != "removed" {
		t.Fatal(err)
	}
	err := c.Remove(t.Context(), u, agree)
	if got := came(err, "removed"); got != cmp.Or(s.twice, "gone") {
		t.Errorf("the second time: %s, %v", got, err)
	}
	if n := len(d.Removed()); n != 1 {
		t.Errorf("%d were removed", n)
	}
}

// disabling: a run that disables acts on exactly the accounts that it would remove, and a
// second run on none of them.
func (s system) disabling(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	before := d.Users()
	c := s.connect(t, name, d, false, nil)
	if s.disable == nil {
		if err := c.Disable(t.Context(), s.candidate(t, c, d), agree); !errors.Is(err, job.ErrUnsupported) {
			t.Errorf("disabling: %v", err)
		}
		return
	}
	isCandidate := func(a account) bool { return a.isCandidate() && !a.user(now).Disabled }
	run := s.cleanup(t, c, d, false)
	run.Policy.DisableOnly = true
	r := run.Run(t.Context(), now)
	var results, sent []string
	for _, a := range s.all() {
		if !isCandidate(a) {
			continue
		}
		results = append(results, a.name+" "+cmp.Or(a.disabling, "disabled"))
		switch {
		case a.disabling == "kept":
		case a.sends != "":
			sent = append(sent, changes(before, []string{a.name}, []string{a.sends})...)
		default:
			sent = append(sent, changes(before, []string{a.name}, s.disable)...)
		}
	}
	slices.Sort(results)
	slices.Sort(sent)
	equal(t, "results", d.results(t, before, r), results)
	disabled := s.those(func(a account) bool { return isCandidate(a) && a.disabling == "" })
	equal(t, "disabled", d.names(t, before, d.Disabled()), disabled)
	equal(t, "removed", d.Removed(), nil)
	p := builtin(t, name)
	equal(t, "sent", d.sent(p), sent)
	explained(t, r)

	// The second run reads that they are disabled.
	said := len(d.said())
	again := s.cleanup(t, c, d, false)
	again.Policy.DisableOnly = true
	again.Run(t.Context(), now)
	equal(t, "disabled the second time", d.names(t, before, d.Disabled()), disabled)
	for _, line := range d.said()[said:] {
		for _, name := range disabled {
			if slices.Contains(changes(before, []string{name}, s.disable), line) {
				t.Errorf("sent the second time: %s", line)
			}
		}
	}
}

// disablingTwice: disabling an account that is already disabled, or does not exist any more,
// has the outcome of the system.
func (s system) disablingTwice(t *testing.T, name string, now time.Time) {
	if s.disable == nil {
		return
	}
	d := s.serve(t, name, now, nil)
	c := s.connect(t, name, d, false, nil)
	u := s.candidate(t, c, d)
	if err := c.Disable(t.Context(), u, agree); came(err, "disabled") != "disabled" {
		t.Fatal(err)
	}
	err := c.Disable(t.Context(), u, agree)
	if got := came(err, "disabled"); got != cmp.Or(s.disabledTwice, "disabled") {
		t.Errorf("the second time: %s, %v", got, err)
	}
	d.Remove(u.ID)
	err = c.Disable(t.Context(), u, agree)
	if got := came(err, "disabled"); got != cmp.Or(s.disabledGone, "gone") {
		t.Errorf("an account that does not exist: %s, %v", got, err)
	}
	if len(d.Disabled()) != 1 || len(d.Removed()) != 0 {
		t.Errorf("disabled: %q, removed: %q", d.Disabled(), d.Removed())
	}
}

// between is a directory that calls happens for each account between the plan and the
// removal or disabling.
type between struct {
	*client.Client
	happens func(u job.User)
}

func (b between) Remove(ctx context.Context, u job.User, confirm job.Confirm) error {
	b.happens(u)
	return b.Client.Remove(ctx, u, confirm)
}

func (b between) Disable(ctx context.Context, u job.User, confirm job.Confirm) error {
	b.happens(u)
	return b.Client.Disable(ctx, u, confirm)
}

// events are changes to an account between the plan and its removal, with the result of the
// removal if the recheck can see the change. A result of system.meanwhile may end in " sent":
// the removal was requested nevertheless; or in " at once": its first step sufficed.
var events = []struct {
	name    string
	removal string
	happens func(d *directory, id string, now time.Time)
}{
	{"promoted", "kept", func(d *directory, id string, _ time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.Admin = true })
	}},
	{"returned", "kept", func(d *directory, id string, now time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.LastLogin = now.Add(-time.Minute) })
	}},
	{"left", "already_gone", func(d *directory, id string, _ time.Time) { d.Remove(id) }},
	{"renamed", "removed", func(d *directory, id string, _ time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.Username = "nobody-" + id })
	}},
	{"replaced", "failed", func(d *directory, id string, now time.Time) { // another account has the id now
		_ = d.Update(id, func(u *sandbox.User) { u.Created = now.Add(-100 * day) })
	}},
	{"deactivated", "removed", func(d *directory, id string, _ time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.Deactivated = true })
	}},
	{"disabled", "removed", func(d *directory, id string, _ time.Time) {
		_ = d.Update(id, func(u *sandbox.User) { u.Disabled = true })
	}},
	{"succeeded", "removed", func(d *directory, id string, now time.Time) { // another account has the name now
		u, _ := d.User(id)
		if !strings.Contains(u.ID, u.Username) {
			_ = d.Update(id, func(u *sandbox.User) { u.Username = "nobody-" + id })
			_, _ = d.Add(sandbox.User{Username: u.Username, Email: u.Email, Created: u.Created, LastLogin: u.LastLogin})
		}
	}},
}

// muchHappens: a change between the plan and the removal decides about the removal.
func (s system) muchHappens(t *testing.T, name string, now time.Time) {
	s.accounts, s.kept = nil, nil
	var results, removed, sent, once []string
	for _, e := range events {
		s.accounts = append(s.accounts, account{name: e.name, login: 400 * day, is: s.every, want: "remove inactive"})
		result, asked := strings.CutSuffix(cmp.Or(s.meanwhile[e.name], e.removal), " sent")
		result, early := strings.CutSuffix(result, " at once")
		if result == "removed" {
			results = append(results, e.name+" "+cmp.Or(s.removed, result))
		} else {
			results = append(results, e.name+" "+result)
		}
		if result == "removed" {
			removed = append(removed, e.name)
		}
		switch {
		case early:
			once = append(once, e.name)
		case result == "removed" || asked:
			sent = append(sent, e.name)
		}
	}
	d := s.serve(t, name, now, nil)
	before := d.Users()
	c := s.connect(t, name, d, false, nil)
	run := s.cleanup(t, between{c, func(u job.User) {
		for _, e := range events {
			if d.names(t, before, []string{u.ID})[0] == e.name {
				e.happens(d, u.ID, now)
			}
		}
	}}, d, false)
	r := run.Run(t.Context(), now)
	ours := func(names []string) []string {
		return slices.DeleteFunc(names, func(line string) bool {
			return !slices.ContainsFunc(s.accounts, func(a account) bool { return a.name == strings.Fields(line)[0] })
		})
	}
	slices.Sort(results)
	slices.Sort(removed)
	equal(t, "results", ours(d.results(t, before, r)), results)
	equal(t, "removed", ours(d.names(t, before, d.Removed())), removed)
	var about []string
	for _, line := range d.sent(builtin(t, name)) {
		for _, a := range s.accounts {
			if slices.Contains(changes(before, []string{a.name}, s.remove), line) {
				about = append(about, line)
			}
		}
	}
	want := append(changes(before, sent, s.remove), changes(before, once, s.remove[:1])...)
	slices.Sort(want)
	equal(t, "sent", about, want)
	explained(t, r)
}
