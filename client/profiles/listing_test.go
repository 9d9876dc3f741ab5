package profiles_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client"
	"dormant/client/profile"
	"dormant/client/sandbox"
	"dormant/job"
)

// listing: each account is listed exactly once over all pages, with the right decision. The
// listing has no other accounts, and a dry run sends nothing but reads.
func (s system) listing(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, nil)
	c := s.connect(t, name, d, true, nil)
	run := s.cleanup(t, c, d, true)
	if _, err := run.FindSelf(t.Context()); err != nil && !errors.Is(err, job.ErrUnsupported) {
		t.Fatal(err)
	}
	got := map[string]string{}
	for u, err := range run.Detailed(t.Context(), c.Users(t.Context()), now) {
		if err != nil {
			t.Fatal(err)
		}
		u, decision := run.Decide(u, now)
		known, ok := d.User(u.ID)
		if !ok {
			known.Username = u.Username // the response was changed
		}
		got[known.Username] += string(decision.Action) + " " + string(decision.Reason)
	}
	for _, a := range s.all() {
		if found := cmp.Or(got[a.name], "not listed"); found != a.want {
			t.Errorf("%s: %s, want %s", a.name, found, a.want)
		}
		delete(got, a.name)
	}
	for username, decision := range got {
		t.Errorf("%s should not be listed: %s", username, decision)
	}
	p := builtin(t, name)
	equal(t, "sent in spite of a dry run", d.sent(p), nil)
	for _, f := range c.FieldCounts().Fields {
		if f.Accounts == 0 && !f.Optional && !slices.ContainsFunc(p.Get, func(g profile.Lookup) bool { return g.Details }) {
			t.Errorf("no account has %s at %s", f.Field, f.Paths)
		}
	}
	// An account that is active by the listing is not read alone.
	busy, _ := d.Find("busy")
	for _, line := range d.said() {
		path, query, _ := strings.Cut(strings.Fields(line)[1], "?")
		alone := slices.ContainsFunc(strings.Split(path, "/"), func(segment string) bool { return segment == url.PathEscape(busy.ID) || segment == busy.Username })
		if s.want["busy"] == "" && (alone || strings.Contains(query, "="+busy.Username)) {
			t.Errorf("an active account was read alone: %s", line)
		}
	}
}

// asking: listing the accounts, reading one again and finding the caller sends exactly the
// requests of the system.
func (s system) asking(t *testing.T, name string, now time.Time) {
	d := s.serve(t, name, now, func(o *sandbox.Options) { o.PageLimit = 0 })
	c := s.connect(t, name, d, true, func(o *client.Options) { o.Connections, o.PageSize = 1, 0 })
	u := s.candidate(t, c, d)
	if _, err := c.User(t.Context(), u); err != nil && !errors.Is(err, job.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := c.Self(t.Context()); err != nil && !errors.Is(err, job.ErrUnsupported) {
		t.Error(err)
	}
	gone, _ := d.Find("gone")
	said := d.said()
	for i, line := range said {
		said[i] = strings.ReplaceAll(line, url.QueryEscape(d.url), "{url}")
	}
	for i, line := range written(gone, s.asks) {
		if i < len(said) && is(said[i], line) {
			said[i] = line
		}
	}
	equal(t, "asked", said, written(gone, s.asks))
	for _, r := range d.Requests() {
		for header, value := range s.headers {
			if got := r.Header.Get(header); got != value && !strings.HasSuffix(r.Path, "/token") {
				t.Errorf("%s %s came with %s: %q, want %q", r.Method, r.Path, header, got, value)
			}
		}
	}
}

// is reports whether the line matches wanted, in which one * matches any text.
func is(line, wanted string) bool {
	before, after, open := strings.Cut(wanted, "*")
	return line == wanted || open && strings.HasPrefix(line, before) && strings.HasSuffix(line, after)
}

// seeingNobody: if all accounts but the caller's are hidden, no account is removed.
func (s system) seeingNobody(t *testing.T, name string, now time.Time) {
	if s.blind == "" {
		return
	}
	d := s.serve(t, name, now, func(o *sandbox.Options) {
		for i := range o.Users {
			o.Users[i].Hidden = o.Users[i].Username != "caller" || s.want["caller"] != ""
		}
	})
	r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
	if got := string(r.Outcome); got != s.blind {
		t.Errorf("%s, want %s: %+v %v", got, s.blind, r.Counts, r.Error)
	}
	equal(t, "sent", d.sent(builtin(t, name)), nil)
}

// seeingNoLogins: if the responses have no last logins, an account that has ever logged in
// is not removed.
func (s system) seeingNoLogins(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	if len(p.User.LastLogin.Path) == 0 || s.logins {
		return
	}
	names, elsewhere := map[string]bool{}, false
	for _, path := range p.User.LastLogin.Path {
		name, _, _ := strings.Cut(path, ".")
		part := slices.ContainsFunc(p.Get, func(g profile.Lookup) bool { return g.As == name })
		names[name], elsewhere = !part, elsewhere || part
	}
	d := s.serve(t, name, now, nil)
	d.answers = func(r *http.Request, status *int, header http.Header, body []byte) []byte {
		if s.answers != nil {
			body = s.answers(r, status, header, body)
		}
		return without(body, names)
	}
	before := d.Users()
	run := s.cleanup(t, s.connect(t, name, d, false, nil), d, false)
	run.Limits.RequireActive = false
	r := run.Run(t.Context(), now)
	for _, name := range d.names(t, before, d.Removed()) {
		u := before[slices.IndexFunc(before, func(u sandbox.User) bool { return u.Username == name })]
		if !u.LastLogin.IsZero() && (!elsewhere || !slices.Contains(s.those(account.isRemoved), name)) {
			t.Errorf("removed: %s", name)
		}
	}
	if r.Counts.Scanned == 0 {
		t.Errorf("%s: %s", r.Outcome, r.Error)
	}
}

// seeingNoEntries: if last logins come from a log and the log is empty, no account is removed.
func (s system) seeingNoEntries(t *testing.T, name string, now time.Time) {
	p := builtin(t, name)
	if len(p.User.LastLogin.Path) > 0 || len(p.Activity) == 0 || s.logins {
		return
	}
	s.every, s.accounts = did(), nil
	d := s.serve(t, name, now, nil)
	r := s.cleanup(t, s.connect(t, name, d, false, nil), d, false).Run(t.Context(), now)
	if r.Counts.Candidates == 0 && !slices.ContainsFunc(r.Warnings, func(w job.Warning) bool { return w.Code == job.GuardRequireActive }) ||
		r.Counts.Candidates > 0 && r.Outcome != job.Refused || r.Counts.Scanned == 0 {
		t.Errorf("%s: %+v %s", r.Outcome, r.Counts, r.Error)
	}
	equal(t, "sent", d.sent(p), nil)
}

// without returns the JSON document without the members of these names at any depth.
func without(document []byte, names map[string]bool) []byte {
	return edited(document, func(object map[string]any) {
		maps.DeleteFunc(object, func(name string, _ any) bool { return names[name] })
	})
}

// edited returns the JSON document after edit was called for each object in it.
func edited(document []byte, edit func(object map[string]any)) []byte {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var inside any
	if decoder.Decode(&inside) != nil {
		return document
	}
	root := map[string]any{"": inside}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			edit(v)
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, element := range v {
				walk(element)
			}
		}
	}
	walk(root)
	changed, err := json.Marshal(root[""])
	if err != nil {
		panic(err)
	}
	return changed
}
