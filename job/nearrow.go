package job

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// nearRow is a row of an activity file that matches no account, and would match one if a
// name were written as the directory writes it.
type nearRow struct {
	name   string // of the row
	userID string
}

// findNear finds the rows with a login since then that are near one of the users, and from
// then on apply takes the last logins of these for unreadable. Each account of the directory
// has been read. A row is near if each of its names is a name of the account, or nearly: by
// separators, accents, domains and the like. Unlike an operator, an export makes no slips of
// the keyboard, and most of its rows may be about people who have no account here: so one
// edit does not count.
func (a *Activity) findNear(users iter.Seq[User], since time.Time) []nearRow {
	unmatched := a.unmatched(since)
	if len(unmatched) == 0 {
		return nil
	}
	byID, byName := nearAccounts{names: nearMisses{exact: true}}, nearAccounts{names: nearMisses{exact: true}}
	for u := range users {
		id := strings.Clone(u.ID)
		byID.add(id, id)
		u.ID = ""
		for name := range u.Names() {
			byName.add(name, id)
		}
	}
	var rows []nearRow
	for _, row := range unmatched {
		name, near := "", []string(nil)
		for column, other := range row.names {
			accounts := &byName
			if column == 0 {
				accounts = &byID
			}
			switch {
			case other == "":
			case name == "":
				name, near = other, accounts.find(other)
			case len(near) > 0:
				also := accounts.find(other)
				near = slices.DeleteFunc(near, func(id string) bool { return !slices.Contains(also, id) })
			}
		}
		for _, id := range near {
			rows = append(rows, nearRow{name, id})
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.near = map[string]bool{}
	for _, row := range rows {
		a.near[row.userID] = true
	}
	slices.SortFunc(rows, func(x, y nearRow) int { return cmp.Or(cmp.Compare(x.name, y.name), cmp.Compare(x.userID, y.userID)) })
	return rows
}

// unmatched returns the rows with a login since then that are about no account.
func (a *Activity) unmatched(since time.Time) []*activityRow {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var rows []*activityRow
	for _, row := range a.rows {
		if !row.owned && !row.partial && !row.at.Before(since) {
			rows = append(rows, row)
		}
	}
	return rows
}

// nearAccounts are the ids of accounts, by names of theirs.
type nearAccounts struct {
	names nearMisses
	ids   []string
}

func (n *nearAccounts) add(name, id string) {
	n.names.add(Entry{name: CanonicalName(name)}, 0, true)
	n.ids = append(n.ids, id)
}

// find returns the accounts that have a name which is near this one, each once.
func (n *nearAccounts) find(name string) []string {
	var ids []string
	for _, m := range n.names.find([]forms{{name: name}}) {
		ids = append(ids, n.ids[m.entry])
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// keepNearRows keeps the candidates that a row of the activity file is near, and warns.
func (pl *Plan) keepNearRows(p Policy, activity *Activity, now time.Time) {
	rows := activity.findNear(func(yield func(User) bool) {
		for _, c := range pl.Candidates {
			if !yield(c.user().user()) {
				return
			}
		}
	}, p.firstCutoff(now))
	if len(rows) == 0 {
		return
	}
	pl.Candidates = slices.DeleteFunc(pl.Candidates, func(c stored) bool {
		u := activity.apply(c.user().user(), now)
		used := u.lastUse(now)
		d := p.decide(&u, used, now)
		if d.Action == Keep {
			known := *c.planned
			known.use = pl.use(&u, &used)
			pl.exempt(stored{c.text, &known}, d.Reason, nil)
		}
		return d.Action == Keep
	})
	for _, row := range rows {
		pl.Warnings = append(pl.Warnings, Warning{
			Code: WarnActivityNearMatch, Subject: "DORMANT_ACTIVITY_FILE",
			Message: fmt.Sprintf("the activity file's row about %q matches nobody, and is nearly a name of the account with the id %q, "+
				"whose last login counts as unknown: let the file name it as the directory does", row.name, row.userID),
		})
	}
}
