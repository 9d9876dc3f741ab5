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

// Activity is last logins from elsewhere, such as an export of single sign-on.
// It is safe for concurrent use.
type Activity struct {
	key  string // the column that names the account: id, username or email
	mu   sync.Mutex
	rows map[string]*activityRow
}

type activityRow struct {
	at    time.Time // zero if the row tells none
	owned bool      // it was found to be about an account,
	owner string    // which has this id
	// A row that is found to be about two accounts tells of neither.
	shared bool
}

// byteOrderMark stands at the start of a text file that some editors and
// spreadsheets wrote.
const byteOrderMark = "\ufeff"

// activityKeys are the columns that can name an account, the best first.
var activityKeys = []string{"id", "username", "email"}

// ReadActivity reads CSV with a header: one of id, username and email (if there
// are several, the first of these counts), and last_login. Other columns do not
// matter. Of several rows for one account the newest counts; a row without a
// time tells nothing. What is wrong is reported with its line, up to ten times.
func ReadActivity(r io.Reader, now time.Time) (*Activity, error) {
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = text.Discard(len(mark)) // or it would make a quoted header unreadable
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

// readHeader finds the columns that matter.
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
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" {
		return fmt.Errorf("%s is empty", a.key)
	}
	row := a.rows[name]
	if row == nil {
		row = &activityRow{}
		a.rows[name] = row
	}
	if strings.TrimSpace(login) == "" {
		return nil
	}
	at := ParseLastLogin(login).Settle(time.Time{}, now)
	if at.State != LoginKnown {
		return fmt.Errorf("last_login %q is no plausible time: RFC 3339, YYYY-MM-DDTHH:MM:SS, YYYY-MM-DD or seconds since 1970 are read", login)
	}
	if at.At.After(row.at) {
		row.at = at.At
	}
	return nil
}

// find is the row about the account, or nil. The caller holds the lock.
func (a *Activity) find(u User) *activityRow {
	name := map[string]string{"id": u.ID, "username": u.Username, "email": u.Email}[a.key]
	return a.rows[strings.ToLower(strings.TrimSpace(name))]
}

// about reports whether a row is about the account, and notes whose row it is.
// Whether it is about that account alone shows only when all have been read.
func (a *Activity) about(u User) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.claim(u) != nil
}

// claim is the row about the account, or nil. The caller holds the lock.
func (a *Activity) claim(u User) *activityRow {
	row := a.find(u)
	if row == nil {
		return nil
	}
	if !row.owned {
		row.owned, row.owner = true, u.ID
	}
	row.shared = row.shared || row.owner != u.ID
	return row
}

// apply returns the account with what is known of it from elsewhere. It makes a
// known last login younger and never older, fills in one that the directory
// does not have or knows only a bound of, and leaves one that is hidden or
// unreadable, because that one might be younger still. A row from before the
// account was created is about an earlier one of that name and does not fill in
// anything. A row about two accounts makes both last logins unreadable: nobody
// knows whose is newer than the directory says.
func (a *Activity) apply(u User, now time.Time) User {
	if a == nil {
		return u
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	row := a.claim(u)
	if row == nil {
		return u
	}
	elsewhere := LoginAt(row.at).Settle(u.Created, now)
	switch login := u.LastLogin.Settle(u.Created, now); {
	case row.shared:
		u.LastLogin = LastLogin{State: LoginUnreadable}
	case row.at.IsZero():
	case elsewhere.State != LoginKnown:
	case login.State == LoginAbsent, login.State == LoginNever, login.NotAfter,
		login.State == LoginKnown && elsewhere.At.After(login.At):
		u.LastLogin = elsewhere
	}
	return u
}

// unmatched counts the rows that are about no account, of how many.
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
