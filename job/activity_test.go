package job

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func readActivity(t *testing.T, lines ...string) *Activity {
	t.Helper()
	a, err := ReadActivity(strings.NewReader(strings.Join(lines, "\n")), testNow)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestReadActivity(t *testing.T) {
	tests := []struct {
		rule string
		text string
		want string // the last login of dormantUser("17") without one of its own, or the error
	}{
		{"by id", "id,last_login\n17,2025-01-01T00:00:00Z\n", "2025-01-01T00:00:00Z"},
		{"by username", "username,last_login\nname-of-17,2025-01-01T00:00:00Z\n", "2025-01-01T00:00:00Z"},
		{"by email", "email,last_login\nmail-of-17@corp.example,2025-01-01T00:00:00Z\n", "2025-01-01T00:00:00Z"},
		{"whatever the case", "EMail,Last_Login\nMAIL-of-17@Corp.Example,2025-01-01T00:00:00Z\n", "2025-01-01T00:00:00Z"},
		{"columns in any order, others between", "x,last_login,y,id\n,2025-01-01T00:00:00Z,,17\n", "2025-01-01T00:00:00Z"},
		{"id and username", "username,id,last_login\nname-of-17,17,2025-01-01\nname-of-18,18,2026-06-01\n", "2025-01-01T23:59:59Z"},
		{"all names", "email,username,id,last_login\nMAIL-of-17@corp.example,Name-of-17,17,2025-01-01\n", "2025-01-01T23:59:59Z"},
		{"an email that is an alias", "id,email,last_login\n17,17@Corp.Example,2025-01-01\n", "2025-01-01T23:59:59Z"},
		{"an email and a username that are told as each other", "email,username,last_login\nname-of-17,mail-of-17@corp.example,2025-01-01\n", "2025-01-01T23:59:59Z"},
		{"a row by its id, another by its email", "id,email,last_login\n17,,2025-01-01\n,mail-of-17@corp.example,2025-01-02\n", "2025-01-02T23:59:59Z"},
		{"the id of one, the username of another", "username,id,last_login\nname-of-18,17,2025-01-01\n", "unreadable"},
		{"the username of one, the id of another", "username,id,last_login\nname-of-17,18,2025-01-01\n", "unreadable"},
		{"the email of one, the username of another", "email,username,last_login\nx@corp.example,name-of-17,2025-01-01\n", "unreadable"},
		{"a row of its own, and one that is in dispute", "username,id,last_login\nname-of-17,17,2025-01-01\nname-of-17,18,2025-01-01\n", "unreadable"},
		{"white space", " id , last_login \n 17 , 2025-01-01 \n", "2025-01-01T23:59:59Z"},
		{"quoted", "\"id\",\"last_login\"\n\"17\",\"2025-01-01\"\n", "2025-01-01T23:59:59Z"},
		{"CRLF", "id,last_login\r\n17,2025-01-01\r\n", "2025-01-01T23:59:59Z"},
		{"a byte order mark", "\ufeffid,last_login\n17,2025-01-01\n", "2025-01-01T23:59:59Z"},
		{"a byte order mark before a quote", "\ufeff\"id\",\"last_login\"\n\"17\",\"2025-01-01\"\n", "2025-01-01T23:59:59Z"},
		{"seconds", "id,last_login\n17,1735689600\n", "2025-01-01T00:00:00Z"},
		{"the newest of several, first", "id,last_login\n17,2025-01-02\n17,2025-01-01\n", "2025-01-02T23:59:59Z"},
		{"the newest of several, last", "id,last_login\n17,2025-01-01\n17,2025-01-02\n", "2025-01-02T23:59:59Z"},
		{"the newest of several, another case", "username,last_login\nNAME-of-17,2025-01-02\nname-OF-17,2025-01-01\n", "2025-01-02T23:59:59Z"},
		{"no time tells nothing", "id,last_login\n17,\n", "absent"},
		{"no time and one", "id,last_login\n17,\n17,2025-01-01\n17,\n", "2025-01-01T23:59:59Z"},
		{"somebody else", "id,last_login\n1,2025-01-01\n", "absent"},
		{"at now + 1 d", "id,last_login\n17,2026-07-02T12:00:00Z\n", "2026-07-02T12:00:00Z"},

		{"empty", "", "the file is empty"},
		{"a header alone", "id,last_login\n", "there is no row"},
		{"no header", "17,2025-01-01\n", `line 1: the header is "17,2025-01-01"`},
		{"no key", "name,last_login\nx,2025-01-01\n", "line 1: the header is"},
		{"no time column", "id,lastLogin\n17,2025-01-01\n", "line 1: the header is"},
		{"semicolons", "id;last_login\n17;2025-01-01\n", "line 1: the header is"},
		{"an empty key", "id,last_login\n17,2025-01-01\n ,2025-01-01\n", "line 3: id is empty"},
		{"all keys are empty", "id,last_login,email\n17,2025-01-01,x\n ,2025-01-01,\n", "line 3: id and email are empty"},
		{"a field too few", "id,last_login\n17,2025-01-01\n18\n", "line 3: wrong number of fields"},
		{"a field too many", "id,last_login\n17,2025-01-01,x\n", "line 2: wrong number of fields"},
		{"a bare quote", "id,last_login\n1\"7,2025-01-01\n", "line 2"},
		{"cut short", "id,last_login\n17,\"2025-01", "line 2"},
		{"no time", "id,last_login\n17,never\n", `line 2: last_login "never" is no plausible time`},
		{"0", "id,last_login\n17,0\n", `line 2: last_login "0"`},
		{"before 2000", "id,last_login\n17,1999-12-31\n", `line 2: last_login "1999-12-31"`},
		{"beyond tomorrow", "id,last_login\n17,2026-07-02T12:00:01Z\n", "line 2: last_login"},
		{"month first", "id,last_login\n17,01/31/2025\n", "line 2: last_login"},
		{"all that is wrong", "id,last_login\n17,x\n\n,2025-01-01\n18,2025-01-01\n19,\"y\n\"\n20,z\n", "line 2: * line 4: id is empty* line 6: * line 8: *"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			var got string
			a, err := ReadActivity(strings.NewReader(tt.text), testNow)
			if err != nil {
				got = strings.ReplaceAll(err.Error(), "\n", " ")
			} else {
				u := with("17", loginIs(LoginAbsent))
				u.Aliases = []string{"17@corp.example"}
				got = a.apply(u, testNow).LastLogin.String()
			}
			if got != tt.want && (err == nil || !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(tt.want), `\*`, ".*")).MatchString(got)) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestActivityApply(t *testing.T) {
	tests := []struct {
		rule string
		row  string
		user User
		want string
	}{
		{"younger by 1 s", "2024-01-31T12:00:01Z", with("17"), "2024-01-31T12:00:01Z"},
		{"the same", "2024-01-31T12:00:00Z", with("17"), "2024-01-31T12:00:00Z"},
		{"older by 1 s: the directory's", "2024-01-31T11:59:59Z", with("17"), "2024-01-31T12:00:00Z"},
		{"absent: filled in", "2022-01-01T00:00:00Z", with("17", loginIs(LoginAbsent)), "2022-01-01T00:00:00Z"},
		{"never: filled in", "2022-01-01T00:00:00Z", with("17", loginIs(LoginNever)), "2022-01-01T00:00:00Z"},
		{"hidden: left", "2022-01-01T00:00:00Z", with("17", loginIs(LoginHidden)), "hidden"},
		{"unreadable: left", "2022-01-01T00:00:00Z", with("17", loginIs(LoginUnreadable)), "unreadable"},
		{"before 2000, so unreadable: left", "2022-01-01T00:00:00Z", with("17", login("1971-01-01T00:00:00Z")), "unreadable"},
		{"beyond tomorrow, so unreadable: left", "2022-01-01T00:00:00Z", with("17", login("9999-01-01T00:00:00Z")), "unreadable"},
		{"long before creation: filled in", "2022-01-01T00:00:00Z", with("17", login("2010-01-01T00:00:00Z")), "2022-01-01T00:00:00Z"},
		// Rows of an earlier account with the same name: absent must not become never.
		{"long before creation, a row from 1 s before it", "2019-12-31T23:59:59Z", with("17", login("2010-01-01T00:00:00Z")), "before_creation"},
		{"absent, a row from before creation", "2019-12-31T23:59:59Z", with("17", loginIs(LoginAbsent)), "absent"},
		{"never, a row from before creation", "2019-12-31T23:59:59Z", with("17", loginIs(LoginNever)), "never"},
		{"known, a row from before creation", "2019-12-31T23:59:59Z", with("17"), "2024-01-31T12:00:00Z"},
		{"a creation in the future proves nothing", "2026-06-01T00:00:00Z", with("17", created("2999-01-01T00:00:00Z")), "2026-06-01T00:00:00Z"},
		{"a bound: replaced by a later one", "2025-01-01T00:00:00Z", with("17", notAfter("2024-01-01T00:00:00Z")), "2025-01-01T00:00:00Z"},
		{"a bound: replaced by an earlier one", "2023-01-01T00:00:00Z", with("17", notAfter("2024-01-01T00:00:00Z")), "2023-01-01T00:00:00Z"},
		{"a bound, a row from before creation", "2019-12-31T23:59:59Z", with("17", notAfter("2024-01-01T00:00:00Z")), "before 2024-01-01T00:00:00Z"},
		{"no creation", "2022-01-01T00:00:00Z", with("17", undated, loginIs(LoginNever)), "2022-01-01T00:00:00Z"},
	}
	for _, tt := range tests {
		a := readActivity(t, "id,last_login", "17,"+tt.row)
		if got := a.apply(tt.user, testNow).LastLogin.Normalize(tt.user.Created, testNow).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
	if got := (*Activity)(nil).apply(with("17"), testNow).LastLogin.String(); got != "2024-01-31T12:00:00Z" {
		t.Errorf("no activity: %s", got)
	}
}

// A row that is about two accounts proves nothing for either, whichever of them
// is read first: neither that one is dormant, nor that anybody logs in.
func TestActivityShared(t *testing.T) {
	const old, fresh = "a@x,2024-01-01", "a@x,2026-06-30"
	absent := loginIs(LoginAbsent)
	tests := []struct {
		rule       string
		row        string
		users      []User
		candidates string
		loggedIn   int
		unknown    int
	}{
		{"one account", old, []User{with("1", mailed("a@x"), absent)}, "1", 0, 0},
		{"one account that logged in", fresh, []User{with("1", mailed("a@x"), absent)}, "", 1, 0},
		{"two accounts", old, []User{with("1", mailed("a@x")), with("2", mailed("A@x"))}, "", 0, 2},
		{"two accounts that logged in", fresh, []User{with("1", mailed("a@x"), absent), with("2", mailed("A@x"), absent)}, "", 0, 2},
		{"one is younger than the row", fresh, []User{with("1", mailed("a@x"), absent), with("2", mailed("a@x"), absent, created("2026-06-30T12:00:00Z"))}, "", 0, 2},
		{"a row without a time", "a@x,", []User{with("1", mailed("a@x")), with("2", mailed("a@x"))}, "", 0, 2},
		{"two accounts and others", old, []User{with("1", mailed("a@x")), with("2", mailed("a@X ")), with("3"), with("4")}, "3 4", 0, 2},
		{"others between them", fresh, []User{with("1", mailed("a@x")), with("3"), with("2", mailed("a@x"))}, "3", 0, 2},
		{"a kept one shares it", old, []User{with("1", mailed("a@x"), admin), with("2", mailed("a@x"))}, "", 0, 1},
		{"one without an id shares it", old, []User{with("", mailed("a@x")), with("2", mailed("a@x"), absent)}, "", 0, 1},
		{"accounts without an email share nothing", old, []User{with("1", mailed("")), with("2", mailed(""))}, "1 2", 0, 0},
	}
	for _, tt := range tests {
		for _, backwards := range []bool{false, true} {
			users := slices.Clone(tt.users)
			if backwards {
				slices.Reverse(users)
			}
			pl, err := ReadPlan(iterate(users), testPolicy(), readActivity(t, "email,last_login", tt.row, "new@x,2026-07-01"), testNow)
			if err != nil {
				t.Fatal(err)
			}
			if ids(pl.Candidates) != tt.candidates || pl.LoggedIn != tt.loggedIn || pl.Kept[LastLoginUnknown] != tt.unknown {
				t.Errorf("%s, backwards %t: candidates %q, want %q; %d logged in, want %d; %d unknown, want %d", tt.rule, backwards,
					ids(pl.Candidates), tt.candidates, pl.LoggedIn, tt.loggedIn, pl.Kept[LastLoginUnknown], tt.unknown)
			}
			kept := 0
			for _, n := range pl.Kept {
				kept += n
			}
			if pl.Scanned != len(users) || kept+len(pl.Candidates) != pl.Scanned {
				t.Errorf("%s, backwards %t: %d candidates and %v of %d", tt.rule, backwards, len(pl.Candidates), pl.Kept, pl.Scanned)
			}
		}
	}
}

// An account that is read twice does not count as two that match its row.
func TestActivityReadTwice(t *testing.T) {
	a := readActivity(t, "email,last_login", "a@x,2024-01-01")
	a.apply(with("1", mailed("a@x"), admin), testNow)
	if got := a.apply(with("1", mailed("A@X"), loginIs(LoginAbsent)), testNow).LastLogin.String(); got != "2024-01-01T23:59:59Z" {
		t.Errorf("the last login is %s", got)
	}
}

// A listing that ends early has been read as far as that, rows or not.
func TestActivityOfAFailedListing(t *testing.T) {
	failing := func(yield func(User, error) bool) {
		_ = yield(with("1", mailed("a@x")), nil) && yield(with("2"), nil) && yield(User{}, errors.New("page 2"))
	}
	pl, err := ReadPlan(failing, testPolicy(), readActivity(t, "email,last_login", "a@x,2024-01-01"), testNow)
	if err == nil || pl.Scanned != 2 {
		t.Errorf("%d scanned, error %v", pl.Scanned, err)
	}
}

// If the only login of a directory comes from a row that matches two accounts, no account
// counts as logged in, and none is removed.
func TestRunRefusesWhenTheOnlyLoginIsShared(t *testing.T) {
	const row = "a@x,2026-06-30"
	absent := loginIs(LoginAbsent)
	for _, tt := range []struct {
		rule  string
		users []User
		want  Outcome
		asked int // to remove
	}{
		{"the row is about one", []User{with("1"), with("2", mailed("a@x"), absent)}, Completed, 1},
		{"the row is about two", []User{with("1"), with("2", mailed("a@x"), absent), with("3", mailed("a@x"), absent)}, Refused, 0},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, tt.users, func(t *testing.T, c *cleanup) {
				c.Activity = readActivity(t, "email,last_login", row)
				r := c.run(t.Context(), t)
				if r.Outcome != tt.want || c.dir.requests["1"]+c.dir.requests["2"]+c.dir.requests["3"] != tt.asked {
					t.Errorf("%s, want %s; removals asked for: %v", r.Outcome, tt.want, c.dir.requests)
				}
			})
		})
	}
}

func TestActivityUnmatched(t *testing.T) {
	a := readActivity(t, "id,last_login", "1,2025-01-01", "2,2025-01-01", "3,", "1,2025-01-02")
	a.apply(with("1"), testNow)
	a.apply(with("4"), testNow)
	if m := a.match(); m.matched != 1 || m.rows != 3 {
		t.Errorf("%+v, want 1 of 3 rows that match", m)
	}
	if m := (*Activity)(nil).match(); m.matched != 0 || m.rows != 0 {
		t.Errorf("no activity: %+v", m)
	}
}

func TestActivityConcurrently(t *testing.T) {
	a := readActivity(t, "email,last_login", "a@x,2024-01-01")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			u := with(strconv.Itoa(i), mailed("a@x"))
			a.hasRow(&u)
			a.apply(u, testNow)
			a.match()
		})
	}
	wg.Wait()
	got := a.apply(with("9", mailed("a@x")), testNow).LastLogin.State
	if m := a.match(); m.matched != m.rows || got != LoginUnreadable {
		t.Errorf("%+v, and the last login is %s", m, got)
	}
}

func FuzzReadActivity(f *testing.F) {
	for _, text := range []string{
		"", "id,last_login\n17,2025-01-01\n", "\ufeff\"id\",last_login\n17,1735689600", "email,username,last_login\na,b,\n",
		"id,last_login\n17,0\n,x\n", "id,id,last_login,last_login\n17,18,2025-01-01,2026-01-01\n", "id,last_login\n\"17\n\",2025-01-01", "\r\nid\r,last_login\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ReadActivity(strings.NewReader(text), testNow)
		if err != nil {
			return
		}
		if len(a.rows) == 0 {
			t.Fatalf("%q: no rows and no error", text)
		}
		for names, row := range a.rows {
			if strings.Join(names[:], "") == "" || !row.at.IsZero() && !plausible(row.at, testNow) {
				t.Fatalf("%q: row %q at %s", text, names, row.at)
			}
			for _, was := range []LastLogin{
				{}, state(LoginNever), state(LoginHidden), state(LoginUnreadable), LoginAt(time.Unix(1, 0)), LoginAt(testCutoff), LoginAt(testNow),
			} {
				u := User{ID: names[0], Username: names[1], Email: names[2], LastLogin: was}
				now := a.apply(u, testNow).LastLogin
				switch {
				case was.State == LoginHidden || was.State == LoginUnreadable || !plausible(was.At, testNow) && was.State == LoginKnown:
					if now != was {
						t.Errorf("%q: %s became %s", text, was, now)
					}
				case now.State == LoginUnreadable: // another row has one of its names
				case was.State == LoginKnown && (now.State != LoginKnown || now.At.Before(was.At)):
					t.Errorf("%q: %s became %s", text, was, now)
				}
			}
		}
	})
}

// A row that does not end is not read to the end of the file.
func TestReadActivityBoundsRows(t *testing.T) {
	for name, row := range map[string]struct{ text, err string }{
		"a long row":                 {"id,last_login\n" + strings.Repeat("x", 20_000) + ",2024-01-01\n", ""},
		"a row that is too long":     {"id,last_login\n1,2024-01-01\n" + strings.Repeat("x", 200_000) + ",2024-01-01\n", "a row is larger than 64 KiB"},
		"a quotation mark":           {"id,last_login\n\"1,2024-01-01\n" + strings.Repeat("2,2024-01-01\n", 20_000), "a row is larger than 64 KiB: is a quotation mark missing?"},
		"a header that is too long":  {strings.Repeat("x", 200_000) + "\n", "a row is larger than 64 KiB"},
		"many rows":                  {"id,last_login\n" + strings.Repeat("2,2024-01-01\n", 20_000), ""},
		"a header of another format": {strings.Repeat("x", 20_000) + "\n", "the header is"},
	} {
		_, err := ReadActivity(strings.NewReader(row.text), testNow)
		switch {
		case row.err == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case err == nil || !strings.Contains(err.Error(), row.err):
			t.Errorf("%s: %.200v; want %q", name, err, row.err)
		case len(err.Error()) > 70_000:
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}
