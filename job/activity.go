package job

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Activity is last logins from another source, such as an export of a single sign-on
// system. It is safe for concurrent use. A nil Activity has no rows.
type Activity struct {
	newest time.Time // the newest login of all rows; year2000 if none has one

	mu     sync.Mutex
	rows   map[[len(activityKeys)]string]*activityRow // by their names, in the canonical form
	ids    map[string][]*activityRow                  // the rows with an id, by it
	others map[string][]*activityRow                  // the rows with other names, by each of them
	near   map[string]bool                            // the ids of the accounts that a row is near
}

// activityRow is what the file has of one account: one row, or several with the same names.
type activityRow struct {
	names [len(activityKeys)]string // in the order of activityKeys; "" where there is none
	at    time.Time                 // the newest last login; zero if there is none
	owned bool                      // an account matches the row
	owner string                    // the id of the first one that does

	// shared means that two accounts match the row, which then counts for neither; partial
	// that an account has some of its names, and not all.
	shared, partial bool
}

// disputed reports whether the names of the row are those of different accounts, and not
// of one. It then counts for nobody.
func (r *activityRow) disputed() bool { return r.partial && !r.owned }

// byteOrderMark is what some editors and spreadsheets write at the start of a text file.
const byteOrderMark = "\ufeff"

// activityKeys are the columns that can name an account.
var activityKeys = [...]string{"id", "username", "email"}

// ReadActivity reads CSV with a header that has last_login and at least one of id,
// username and email. Other columns are ignored. A row is about the account that has all
// of its names. If an account has several rows, the newest login counts; a row without a
// time counts as no login information. The error names the lines of up to ten problems.
func ReadActivity(r io.Reader, now time.Time) (*Activity, error) {
	rows := &rowReader{r: r, left: maxRow}
	text := bufio.NewReader(rows)
	if mark, _ := text.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = text.Discard(len(mark)) // it would make a quoted header unreadable
	}
	lines := csv.NewReader(text)
	lines.TrimLeadingSpace = true
	columns, loginColumn, err := readActivityHeader(lines)
	if err != nil {
		return nil, err
	}

	a := &Activity{
		newest: year2000,
		rows:   map[[len(activityKeys)]string]*activityRow{},
		ids:    map[string][]*activityRow{}, others: map[string][]*activityRow{},
	}
	var errs []error
	for len(errs) < 10 {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(append(errs, err)...)
		}
		rows.left = maxRow
		line, _ := lines.FieldPos(loginColumn)
		if err := a.add(record, columns, record[loginColumn], now); err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", line, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if len(a.rows) == 0 {
		return nil, errors.New("there is no row in it")
	}
	return a, nil
}

// maxRow bounds a row of an activity file, in bytes. One whose quotation mark is never
// closed would otherwise take the rest of the file.
const maxRow = 64 << 10

// A rowReader fails if there are more than left bytes in a row.
type rowReader struct {
	r    io.Reader
	left int
}

func (r *rowReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, fmt.Errorf("a row is larger than %s: is a quotation mark missing?", formatSize(maxRow))
	}
	n, err := r.r.Read(p)
	r.left -= n
	return n, err
}

// readActivityHeader finds the columns that are used: those of activityKeys, -1 where
// there is none, and that of the last login.
func readActivityHeader(lines *csv.Reader) (columns [len(activityKeys)]int, loginColumn int, err error) {
	header, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return columns, 0, errors.New("the file is empty: a header with id, username or email, and last_login is needed")
	}
	if err != nil {
		return columns, 0, err
	}
	for i, name := range header {
		header[i] = CanonicalName(name)
	}
	named := false
	for i, key := range activityKeys {
		columns[i] = slices.Index(header, key)
		named = named || columns[i] >= 0
	}
	loginColumn = slices.Index(header, "last_login")
	if !named || loginColumn < 0 {
		return columns, 0, fmt.Errorf("line 1: the header is %.200q: id, username or email is needed, and last_login", strings.Join(header, ","))
	}
	for _, name := range append(activityKeys[:], "last_login") {
		if i := slices.Index(header, name); i >= 0 && slices.Contains(header[i+1:], name) {
			return columns, 0, fmt.Errorf("line 1: the header is %.200q: there are two columns %s: keep the one that counts", strings.Join(header, ","), name)
		}
	}
	return columns, loginColumn, nil
}

func (a *Activity) add(record []string, columns [len(activityKeys)]int, login string, now time.Time) error {
	var names [len(activityKeys)]string
	var absent []string
	for i, column := range columns {
		switch {
		case column < 0:
		case strings.TrimSpace(record[column]) == "":
			absent = append(absent, activityKeys[i])
		default:
			if err := CheckName(record[column]); err != nil {
				return fmt.Errorf("%s %q %w", activityKeys[i], record[column], err)
			}
			names[i] = CanonicalName(record[column])
		}
	}
	if names == [len(activityKeys)]string{} {
		verb := "is"
		if len(absent) > 1 {
			verb = "are"
		}
		return fmt.Errorf("%s %s empty", strings.Join(absent, " and "), verb)
	}
	row := a.rows[names]
	if row == nil {
		row = &activityRow{names: names}
		a.rows[names] = row
		a.index(row)
	}
	if strings.TrimSpace(login) == "" {
		return nil
	}
	at := ParseLastLogin(login).Normalize(time.Time{}, now)
	if at.State != LoginKnown {
		return fmt.Errorf("last_login %q is no plausible time: RFC 3339, YYYY-MM-DDTHH:MM:SS, YYYY-MM-DD or seconds since 1970 are read", login)
	}
	if at.At.After(row.at) {
		row.at = at.At
	}
	if at.At.After(a.newest) {
		a.newest = at.At
	}
	return nil
}

// index makes the row one that is found by each of its names.
func (a *Activity) index(row *activityRow) {
	for i, name := range row.names {
		switch {
		case name == "", i > 0 && slices.Contains(row.names[1:i], name):
		case i == 0:
			a.ids[name] = append(a.ids[name], row)
		default:
			a.others[name] = append(a.others[name], row)
		}
	}
}

// forget makes no row match any account yet, as before the accounts are read again.
func (a *Activity) forget() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.near = nil
	for _, row := range a.rows {
		row.owned, row.owner, row.shared, row.partial = false, "", false, false
	}
}

// hasRow reports whether a row matches the account, and records the match. Whether other
// accounts match it as well is known only after hasRow was called for all of them.
func (a *Activity) hasRow(u *User) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	own, partial := a.claimRows(*u)
	return len(own)+len(partial) > 0
}

// claimRows returns the rows that are about the account, because it has all of their
// names, and those of which it has some names only. It records both. The caller holds
// the lock.
func (a *Activity) claimRows(u User) (own, partial []*activityRow) {
	id := CanonicalName(u.ID)
	named := u
	named.ID = ""
	names := map[string]bool{}
	found := map[*activityRow]bool{}
	for _, row := range a.ids[id] {
		found[row] = true
	}
	for name := range named.Names() {
		name = CanonicalName(name)
		names[name] = true
		for _, row := range a.others[name] {
			found[row] = true
		}
	}
	isForeign := func(name string) bool { return name != "" && !names[name] }
	for row := range found {
		if row.names[0] != "" && row.names[0] != id || slices.ContainsFunc(row.names[1:], isForeign) {
			row.partial = true
			partial = append(partial, row)
			continue
		}
		row.shared = row.shared || row.owned && row.owner != u.ID
		row.owned, row.owner = true, strings.Clone(u.ID)
		own = append(own, row)
	}
	return own, partial
}

// apply returns the account with the last login of its row, of several the newest, taken
// into account:
//   - A known last login may become newer, never older.
//   - One that is absent, never or from before the creation, or only an upper bound, is
//     replaced.
//   - One that is hidden or unreadable stays, because it may be newer than the row's.
//   - A row from before the account was created belongs to an earlier account of the same
//     name and changes nothing.
//   - A row that matches two accounts, or has one name of the account and another of
//     somebody else, or is nearly about it, makes the last login unreadable, because it is
//     not known whose login it is.
//
// Whether it has a row or not, nothing is known of the account's logins elsewhere after the
// newest row of all.
func (a *Activity) apply(u User, now time.Time) User {
	if a == nil {
		return u
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	u.KnownUntil = a.newest
	own, partial := a.claimRows(u)
	if a.near[u.ID] || slices.ContainsFunc(own, func(r *activityRow) bool { return r.shared }) || slices.ContainsFunc(partial, (*activityRow).disputed) {
		u.LastLogin = LastLogin{State: LoginUnreadable}
		return u
	}
	var newest time.Time
	for _, row := range own {
		if row.at.After(newest) {
			newest = row.at
		}
	}
	if newest.IsZero() {
		return u
	}
	elsewhere := LoginAt(newest).Normalize(u.Created, now)
	switch login := u.LastLogin.Normalize(u.Created, now); {
	case elsewhere.State != LoginKnown, plausible(u.Created, now) && elsewhere.At.Before(u.Created):
	case login.State == LoginAbsent, login.State == LoginNever, login.State == LoginTooEarly, login.NotAfter,
		login.State == LoginKnown && elsewhere.At.After(login.At):
		u.LastLogin = elsewhere
	}
	return u
}

// activityMatch is how the rows of an activity file match the accounts.
type activityMatch struct {
	rows     int       // in the file
	matched  int       // rows that are about an account
	disputed int       // rows that have names of different accounts
	newest   time.Time // the newest login in the file
}

// match returns how the rows match the accounts that have been read.
func (a *Activity) match() activityMatch {
	if a == nil {
		return activityMatch{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	m := activityMatch{rows: len(a.rows), newest: a.newest}
	for _, row := range a.rows {
		switch {
		case row.disputed():
			m.disputed++
		case row.owned:
			m.matched++
		}
	}
	return m
}
