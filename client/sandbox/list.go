package sandbox

import (
	"slices"
	"strings"
)

// listed is an account, or an entry about one.
type listed struct {
	account *account
	entry   Entry
}

// list shows a page of the accounts, or of the entries.
func (s *Server) list(rt *route, q *request) response {
	why, err := rt.Wants.mismatch(q)
	switch {
	case err != nil:
		return broken(err)
	case why != "":
		return s.fail(q, rt, wrong{kind: kindBody, detail: why})
	}
	s.mu.Lock()
	all := slices.Clone(s.accounts.list)
	if rt.Does == doesEvents && rt.Route.account() != "" {
		a := s.accounts.byID[q.Account.ID]
		if a == nil {
			s.mu.Unlock()
			return s.fail(q, rt, wrong{kind: kindNotFound})
		}
		all = []*account{a}
	}
	s.mu.Unlock()

	found, places, err := rt.among(all, q)
	if err != nil {
		return broken(err)
	}
	paging := rt.Paging
	if limit := s.options.PageLimit; limit > 0 && paging.Style != "" && (paging.Max == 0 || limit < paging.Max) {
		paging.Max = limit
	}
	p, err := paging.cut(q, places)
	if err != nil {
		return s.fail(q, rt, wrong{kind: kindCursor})
	}
	switch w, err := refused(rt.Refuse, p); {
	case err != nil:
		return broken(err)
	case w != nil:
		return s.fail(q, rt, *w)
	}
	if p.Items, p.Count, err = s.items(rt, q, found[min(p.Offset, p.end):p.end]); err != nil {
		return broken(err)
	}
	return s.succeed(rt, p)
}

// among are those of the accounts, or of the entries about them, that the route
// lists.
func (rt *route) among(all []*account, q *request) (found []listed, places []place, err error) {
	listing := make([]listed, 0, len(all))
	for _, a := range all {
		if rt.Does == doesList {
			listing = append(listing, listed{account: a})
			continue
		}
		for _, e := range a.entries() {
			kept := rt.Retention == 0 || q.Now.Sub(e.At) <= rt.Retention
			if kept && (len(rt.Kinds) == 0 || slices.Contains(rt.Kinds, e.Kind)) {
				listing = append(listing, listed{a, e})
			}
		}
	}
	if rt.Newest {
		slices.SortStableFunc(listing, func(a, b listed) int { return b.entry.At.Compare(a.entry.At) })
	}
	found, places = make([]listed, 0, len(listing)), make([]place, 0, len(listing))
	for _, l := range listing {
		if rt.Where.given() {
			switch holds, err := rt.Where.holds(rt.view(l, q)); {
			case err != nil:
				return nil, nil, err
			case !holds:
				continue
			}
		}
		at := place{l.account.key, l.account.ID}
		if rt.Does == doesEvents {
			at.key = len(places) + 1
		}
		found, places = append(found, l), append(places, at)
	}
	return found, places, nil
}

// view is what the templates of a listing see.
func (rt *route) view(l listed, q *request) any {
	v := view{User: &l.account.User, request: q}
	if rt.Does == doesList {
		return v
	}
	return happening{view: v, Kind: l.entry.Kind, At: l.entry.At, entry: l.entry}
}

// items are those that the caller may see, as a JSON array or object.
func (s *Server) items(rt *route, q *request, page []listed) (items string, n int, err error) {
	item := s.system.User
	if rt.Does == doesEvents {
		item = s.system.Event
	}
	if rt.Item.given() {
		item = rt.Item
	}
	var shown []string
	for _, l := range page {
		data := rt.view(l, q)
		text, err := item.render(data)
		if err != nil {
			return "", 0, err
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		if rt.Keyed.given() {
			key, err := rt.Keyed.render(data)
			if err != nil {
				return "", 0, err
			}
			encoded, _ := encode(key)
			text = encoded + ": " + text
		}
		shown = append(shown, text)
	}
	items = strings.Join(shown, ",")
	if rt.Keyed.given() {
		return "{" + items + "}", len(shown), nil
	}
	return "[" + items + "]", len(shown), nil
}
