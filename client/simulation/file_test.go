package simulation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// fileRow is the names that a row of the activity file has; rows with the same names
// count as one.
type fileRow struct{ id, username, email string }

// activityFile returns a CSV file with last logins from another source. Unless the run
// is undisturbed, rows are missing, have no date, lack some of the names, or have one of
// another account.
func (run *programRun) activityFile(r *rand.Rand) string {
	columns := 1 // as bits: id, username, email
	if !run.isUndisturbed {
		columns = 1 + r.IntN(7)
	}
	var file strings.Builder
	write := func(cells ...string) {
		var kept []string
		for i, cell := range cells[:3] {
			if columns&(1<<i) != 0 {
				kept = append(kept, cell)
			}
		}
		fmt.Fprintln(&file, strings.Join(append(kept, cells[3]), ","))
	}
	run.file, run.fileNewest = map[fileRow]time.Time{}, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(row fileRow, at time.Time) {
		for i, cell := range []*string{&row.id, &row.username, &row.email} {
			if columns&(1<<i) == 0 {
				*cell = ""
			}
		}
		if row == (fileRow{}) {
			return
		}
		text := ""
		if !at.IsZero() {
			text = at.Format(time.RFC3339)
		}
		write(row.id, row.username, row.email, text)
		row = fileRow{strings.ToLower(row.id), strings.ToLower(row.username), strings.ToLower(row.email)}
		if before, ok := run.file[row]; !ok || at.After(before) {
			run.file[row] = at
		}
		if at.After(run.fileNewest) {
			run.fileNewest = at
		}
	}
	write("id", "username", "email", "last_login")
	add(fileRow{"nobody", "nobody", "nobody"}, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	users := run.world.dir.Users()
	for _, u := range users {
		at := u.LastLogin
		if strings.ContainsAny(u.ID, "\n\" ") || at.Year() < 2000 || at.After(run.now.Add(day)) {
			continue
		}
		row := fileRow{u.ID, u.Username, u.Email}
		if !run.isUndisturbed {
			switch other := users[r.IntN(len(users))]; r.IntN(16) {
			case 0, 1:
				continue
			case 2:
				at = time.Time{}
			case 3:
				row.email = other.Email
			case 4:
				row.username = other.Username
			case 5:
				row.id = ""
			case 6:
				row.email = ""
			}
		}
		add(row, at)
	}
	return file.String()
}

// matches reports whether the account has all of the names of the row, and whether it has
// any.
func (row fileRow) matches(t observation) (all, some bool) {
	all = true
	is := func(name string) bool {
		return strings.EqualFold(name, strings.TrimSpace(t.username)) || strings.EqualFold(name, strings.TrimSpace(t.email))
	}
	for _, check := range []struct {
		name  string
		agree bool
	}{{row.id, strings.EqualFold(row.id, strings.TrimSpace(t.id))}, {row.username, is(row.username)}, {row.email, is(row.email)}} {
		if check.name != "" {
			all, some = all && check.agree, some || check.agree
		}
	}
	return all, some
}

// recordNames records which rows of the activity file are about the account.
func (run *programRun) recordNames(t observation) {
	for row := range run.file {
		if all, _ := row.matches(t); all {
			if run.told.named[row] == nil {
				run.told.named[row] = map[string]bool{}
			}
			run.told.named[row][t.id] = true
		}
	}
}

// fromFile adds what the activity file says to what is known of an account.
func (run *programRun) fromFile(t observation, e *evidence) observation {
	if run.file == nil {
		return t
	}
	t.until = run.fileNewest
	var newest time.Time
	for row, at := range run.file {
		all, some := row.matches(t)
		switch {
		case all && len(e.named[row]) > 1, !all && some && len(e.named[row]) == 0: // it is not known whose login it is
			t.login, t.notAfter = loginUnknown, false
			return t
		case all && at.After(newest):
			newest = at
		}
	}
	elsewhere := effectiveLogin(observation{login: loginKnown, at: newest, created: t.created}, run.now)
	here := effectiveLogin(t, run.now)
	switch {
	case newest.IsZero(), elsewhere.login != loginKnown, here.login == loginUnknown:
	case plausible(t.created, run.now) && newest.Before(t.created): // of an earlier account of that name
	case here.login != loginKnown, here.notAfter, newest.After(here.at):
		t.login, t.at, t.notAfter = loginKnown, newest, false
	}
	return t
}

// fileMatches returns how many rows are about an account, and how many rows there are.
func (run *programRun) fileMatches(e *evidence) (matched, rows int) {
	for row := range run.file {
		if len(e.named[row]) > 0 {
			matched++
		}
	}
	return matched, len(run.file)
}
