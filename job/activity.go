package job

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// Activity is last logins from another source, such as an export of a single sign-on
// system. It is safe for concurrent use. A nil Activity has no rows.
type Activity struct {
	key  string // the column that names the account: id, username or email
	mu   sync.Mutex
	rows map[string]*activityRow // by the canonical form of the name
}

type activityRow struct {
	at    time.Time // zero if the row has none
	owned bool      // an account matches the row
	owner string    // the id of the first one that does

	// shared means that two accounts match the row, so that it counts for neither.
	shared bool
}

// byteOrderMark is what some editors and spreadsheets write at the start of a text file.
const byteOrderMark = "\ufeff"

// activityKeys are the columns that can identify an account, the preferred one first.
var activityKeys = []string{"id", "username", "email"}

// ReadActivity reads CSV with a header that has last_login and at least one of id,
// username and email; the first of these that is there identifies the accounts. Other
// columns are ignored. If an account has several rows, the newest login counts; a row
// without a time counts as no login information. The error names the lines of up to ten
// problems.
func ReadActivity(r io.Reader, now time.Time) (*Activity, error) {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = text.Discard(len(mark)) // it would make a quoted header unreadable
	}
	lines := csv.NewReader(text)
	lines.TrimLeadingSpace = true
	a := &Activity{rows: map[string]*activityRow{}}
	keyColumn, loginColumn, err := a.readHeader(lines)
	if err != nil {
		return nil, err
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
		line, _ := lines.FieldPos(keyColumn)
		if err := a.add(record[keyColumn], record[loginColumn], now); err != nil {
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

// readHeader finds the columns that are used.
func (a *Activity) readHeader(lines *csv.Reader) (keyColumn, loginColumn int, err error) {
	header, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return 0, 0, errors.New("the file is empty: a header with id, username or email, and last_login is needed")
	}
	if err != nil {
		return 0, 0, err
	}
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
	}
	keyColumn = -1
	for _, key := range slices.Backward(activityKeys) {
		if i := slices.Index(header, key); i >= 0 {
			a.key, keyColumn = key, i
		}
	}
	loginColumn = slices.Index(header, "last_login")
	switch {
	case keyColumn < 0 || loginColumn < 0:
		return 0, 0, fmt.Errorf("line 1: the header is %q: id, username or email is needed, and last_login", strings.Join(header, ","))
	case slices.Contains(header[loginColumn+1:], "last_login"), slices.Contains(header[keyColumn+1:], a.key):
		return 0, 0, fmt.Errorf("line 1: the header is %q: there are two columns last_login or %s: keep the one that counts", strings.Join(header, ","), a.key)
	}
	return keyColumn, loginColumn, nil
}

func (a *Activity) add(name, login string, now time.Time) error {
	if strings.TrimSpace(name) == "" {
		return fmt.Errorf("%s is empty", a.key)
	}
	if err := CheckName(name); err != nil {
		return fmt.Errorf("%s %q %w", a.key, name, err)
	}
	name = CanonicalName(name)
	row := a.rows[name]
	if row == nil {
		row = &activityRow{}
		a.rows[name] = row
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
	return nil
}

// forget makes no row match any account yet, as before the accounts are read again.
func (a *Activity) forget() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, row := range a.rows {
		row.owned, row.owner, row.shared = false, "", false
	}
}

// names returns the names of the account that rows can have.
func (a *Activity) names(u User) iter.Seq[string] {
	if a.key == "id" {
		return User{ID: u.ID}.Names()
	}
	u.ID = ""
	return u.Names()
}

// hasRow reports whether a row matches the account, and records the match. Whether other
// accounts match it as well is known only after hasRow was called for all of them.
func (a *Activity) hasRow(u User) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.claimRows(u)) > 0
}

// claimRows returns the rows that match the account by one of its names, and records the
// match. The caller holds the lock.
func (a *Activity) claimRows(u User) []*activityRow {
	var rows []*activityRow
	for name := range a.names(u) {
		row := a.rows[CanonicalName(name)]
		if row == nil {
			continue
		}
		if !row.owned {
			row.owned, row.owner = true, u.ID
		}
		row.shared = row.shared || row.owner != u.ID
		rows = append(rows, row)
	}
	return rows
}

// apply returns the account with the last login of its row, of several the newest, taken
// into account:
//   - A known last login may become newer, never older.
//   - One that is absent, never or from before the creation, or only an upper bound, is
//     replaced.
//   - One that is hidden or unreadable stays, because it may be newer than the row's.
//   - A row from before the account was created belongs to an earlier account of the same
//     name and changes nothing.
//   - A row that matches two accounts makes both last logins unreadable, because it is not
//     known whose login it is.
func (a *Activity) apply(u User, now time.Time) User {
	if a == nil {
		return u
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var newest time.Time
	for _, row := range a.claimRows(u) {
		if row.shared {
			u.LastLogin = LastLogin{State: LoginUnreadable}
			return u
		}
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

// unmatched returns how many rows match no account, and how many rows there are.
func (a *Activity) unmatched() (unmatched, rows int) {
	if a == nil {
		return 0, 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, row := range a.rows {
		if !row.owned {
			unmatched++
		}
	}
	return unmatched, len(a.rows)
}
