package command

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// checked runs check with a profile of its own against a directory of these accounts, in
// pages of the size that is asked for, and of 50 at most.
func checked(t *testing.T, listing, user string, accounts []string, behind func(from, to int) string) *program {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/users" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		from, size := 0, 50
		_, _ = fmt.Sscan(r.URL.Query().Get("from"), &from)
		_, _ = fmt.Sscan(r.URL.Query().Get("size"), &size)
		from = min(from, len(accounts))
		to := min(from+min(size, 50), len(accounts))
		_, _ = io.WriteString(w, `{"users":[`+strings.Join(accounts[from:to], ",")+`]`+behind(from, to)+`}`)
	}))
	t.Cleanup(s.Close)
	profile := "headers: {Authorization: \"{token}\"}\nlist: {path: /users, items: users" + listing + "}\nuser: {id: id, username: name" + user + "}\nremove: {path: \"/users/{id}\"}\n"
	p := start(t, []string{
		"DORMANT_PROFILE=" + write(t, "own.yaml", profile), "DORMANT_URL=" + s.URL, "DORMANT_TOKEN=x", "DORMANT_INACTIVE_FOR=90d", "DORMANT_MAX_RETRIES=0",
	}, "check")
	p.wait(t)
	return p
}

// TestCheckSaysWhatDoesNotFit: a profile that reads the times wrongly, or has a flag that
// no account has, is told so, with its line and with what there is instead.
func TestCheckSaysWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	nothing := func(int, int) string { return "" }
	many := func(n int, account func(i int) string) (accounts []string) {
		for i := range n {
			accounts = append(accounts, fmt.Sprintf(`{"id":%d,"name":"user %d",%s}`, i+1, i+1, account(i)))
		}
		return accounts
	}
	roles := []string{"OWNER", "USER", "USER", "BOT"}
	mostly := func(unreadable int, field string) []string {
		return many(50, func(i int) string {
			if i < unreadable {
				return fmt.Sprintf(`%q:"%02d/2024"`, field, i%12+1)
			}
			return fmt.Sprintf(`%q:"2024-01-01T00:00:00Z"`, field)
		})
	}
	for says, c := range map[string]struct {
		user     string
		accounts []string
		code     int
		stdout   string // a pattern; with a ! in front, one that must not be there
		stderr   string
	}{
		"47 of 50 last logins are unreadable": {", last_login: at", mostly(47, "at"), exitUsage, `last login unknown +47 unreadable`,
			`own\.yaml, line 3: user\.last_login: 47 of 50 values are no plausible times, such as "01/2024": correct the path`},
		"26 of 50":                {", last_login: at", mostly(26, "at"), exitUsage, `26 unreadable`, `user\.last_login: 26 of 50`},
		"25 of 50":                {", last_login: at", mostly(25, "at"), exitDone, `last login unknown +25 unreadable`, `^$`},
		"none, and most are null": {", last_login: at", append(mostly(0, "at")[:3], many(43, func(int) string { return `"at":null` })[3:]...), exitDone, `last login unknown +none`, `^$`},
		"all that are there, and most are null": {", last_login: at", append(mostly(3, "at")[:3], many(43, func(int) string { return `"at":null` })[3:]...), exitUsage, `3 unreadable`,
			`user\.last_login: 3 of 3`},
		"a time in another unit": {", last_login: at", many(3, func(int) string { return `"at":1714557600000000` }), exitUsage, `3 unreadable`, `3 of 3 values are no plausible times, such as 1714557600000000`},
		"creation dates":         {", created: at", mostly(47, "at"), exitUsage, `first page`, `line 3: user\.created: 47 of 50 values`},
		"a hostile value":        {", last_login: at", many(3, func(int) string { return `"at":"a\u001b[31m\u202e"` }), exitUsage, `3 unreadable`, `such as "a\\u001b\[31m\\u202e"`},

		"a number where there are words": {", admin: {path: role, in: [1]}", many(4, func(i int) string { return fmt.Sprintf(`"role":%q`, roles[i]) }), exitDone,
			`warning +flag_unmatched: no account counts as administrator: none of 4 on the first page has "1" at role, where there are "OWNER" \(1\), "USER" \(2\), "BOT" \(1\) \(profile \S+own\.yaml, line 3: user\.admin\)`, `^$`},
		"one of two conditions": {", disabled: [{path: role, in: [GONE]}, {path: role, in: [BOT]}]", many(4, func(i int) string { return fmt.Sprintf(`"role":%q`, roles[i]) }), exitDone,
			`warning +flag_unmatched: no account counts as disabled: none of 4 on the first page has "GONE" at role`, `^$`},
		"a service account by its name": {`, service_account: {path: name, in: ["svc-*"]}`, many(4, func(int) string { return `"x":1` }), exitDone,
			`none of 4 on the first page has "svc-\*" at name, where there are names of the accounts`, `^$`},
		"a flag that matches":  {", admin: {path: role, in: [owner]}", many(4, func(i int) string { return fmt.Sprintf(`"role":%q`, roles[i]) }), exitDone, `!flag_unmatched`, `^$`},
		"a flag that is false": {", admin: root", many(4, func(int) string { return `"root":false` }), exitDone, `!flag_unmatched`, `^$`},
		"roles":                {", roles: groups", many(4, func(i int) string { return fmt.Sprintf(`"groups":[%q,"all"]`, roles[i]) }), exitDone, `roles +"all" \(4\), "USER" \(2\), "BOT" \(1\), "OWNER" \(1\)`, `^$`},
		"many roles":           {", roles: groups", many(30, func(i int) string { return fmt.Sprintf(`"groups":["g%d"]`, i) }), exitDone, `roles +"g0" \(1\)(, "g\d+" \(1\)){9}, 20 more\n`, `^$`},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			p := checked(t, "", c.user, c.accounts, nothing)
			if p.code != c.code || !regexp.MustCompile(c.stderr).MatchString(p.stderr.String()) {
				t.Errorf("%d, and %s is not in:\n%s%s", p.code, c.stderr, &p.stderr, &p.stdout)
			}
			pattern, unwanted := strings.CutPrefix(c.stdout, "!")
			if regexp.MustCompile(pattern).MatchString(p.stdout.String()) == unwanted {
				t.Errorf("%s:\n%s", c.stdout, &p.stdout)
			}
		})
	}
}

// TestCheckReadsASecondPage: what is wrong with the way from page to page shows in check.
func TestCheckReadsASecondPage(t *testing.T) {
	t.Parallel()
	accounts := func(n int) (accounts []string) {
		for i := range n {
			accounts = append(accounts, fmt.Sprintf(`{"id":%d,"name":"user %d"}`, i+1, i+1))
		}
		return accounts
	}
	const size = ", size: {param: size, default: 50}"
	none := func(int, int) string { return "" }
	total := func(n int) func(int, int) string { return func(int, int) string { return fmt.Sprintf(`,"n":%d`, n) } }
	ofPage := func(from, to int) string { return fmt.Sprintf(`,"n":%d`, to-from) }
	next := func(name string, n int) func(from, to int) string {
		return func(_, to int) string {
			if to == n {
				return ""
			}
			return fmt.Sprintf(`,%q:"%d"`, name, to)
		}
	}
	for says, c := range map[string]struct {
		listing string
		n       int
		behind  func(from, to int) string
		code    int
		stdout  string
		stderr  string
	}{
		"there is none":            {", offset: {param: from}, total: n" + size, 20, total(20), exitDone, `second page +there is none\n`, `^$`},
		"there are two":            {", offset: {param: from}, total: n" + size, 70, total(70), exitDone, `first page +50 accounts\nsecond page +20 accounts, and there are no more pages\n`, `^$`},
		"there are more":           {", offset: {param: from}, total: n" + size, 130, total(130), exitDone, `second page +50 accounts, and there are more pages\n`, `^$`},
		"a parameter by any name":  {", offset: {param: start}" + size, 130, none, exitFailed, `first accounts`, `page 2 is page 1 once more.*line 2: list\.offset\.param`},
		"the total is of the page": {", offset: {param: from}, total: n" + size, 130, ofPage, exitUsage, `first accounts`, `there are more than the 50 items that n says.*line 2: list\.total`},
		"the cursor is elsewhere":  {", cursor: {param: from, next: next_page, optional: true}" + size, 130, next("next", 130), exitUsage, ``, `there is no next_page, but the answer has "next".*line 2: list\.cursor\.next`},
		"the cursor is hidden":     {", cursor: {param: from, next: next_page, optional: true}" + size, 130, next("go_on", 130), exitUsage, ``, `there is no next_page, and there is none either on a page with fewer.*line 2: list\.cursor\.next`},
		"it is found":              {", cursor: {param: from, next: go_on, optional: true}" + size, 130, next("go_on", 130), exitDone, `second page +50 accounts, and there are more pages\n`, `^$`},
		"it would be found":        {", cursor: {param: from, next: go_on, optional: true}" + size, 20, next("go_on", 20), exitDone, `second page +there is none\n`, `^$`},
		"nobody knows":             {", cursor: {param: from, next: go_on, optional: true}", 13, next("go_on", 13), exitDone, `second page +nothing points to one, and nothing shows yet that the profile would find it\n`, `^$`},
		"one response":             {"", 13, none, exitDone, `first page +13 accounts\npages`, `^$`},
		"one that may be a page":   {"", 50, none, exitDone, `second page +the profile asks for none, and 50 accounts could be a full page`, `^$`},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			p := checked(t, c.listing, "", accounts(c.n), c.behind)
			if p.code != c.code || !regexp.MustCompile(c.stderr).MatchString(p.stderr.String()) || !regexp.MustCompile(c.stdout).MatchString(p.stdout.String()) {
				t.Errorf("%d, want %d, %s and %s:\n%s%s", p.code, c.code, c.stderr, c.stdout, &p.stderr, &p.stdout)
			}
		})
	}
}
