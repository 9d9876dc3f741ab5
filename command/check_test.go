package command

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestCheckAndExplainOnlyLook(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	gone := d.user(d.unused()[0])
	for _, c := range []struct {
		args   []string
		code   int
		stdout string
	}{
		{[]string{"check"}, exitDone, `caller +"1" "admin"(?s:.*)first page +100 accounts(?s:.*)would be removed +\d+\n`},
		{[]string{"explain", strings.ToUpper(gone.Email)}, exitDone, `^` + gone.ID + `  ` + gone.Username + `(?s:.*)Decision: remove \(inactive\)\n$`},
		{[]string{"explain", gone.ID}, exitDone, `Decision: remove \(inactive\)\n$`},
		{[]string{"explain", "admin"}, exitDone, `\* self(?s:.*)\* admin(?s:.*)Decision: keep \(self\)\n$`},
		{[]string{"explain", "nobody"}, exitUsage, `^$`},
	} {
		p := start(t, d.env(forReal), c.args...)
		if got := p.wait(t); got != c.code || !regexp.MustCompile(c.stdout).MatchString(p.stdout.String()) {
			t.Errorf("dormant %s: %d, %s is not in:\n%s%s", c.args, got, c.stdout, &p.stdout, &p.stderr)
		}
	}
	for _, code := range []int{401, 500} {
		d.before(func(w http.ResponseWriter, _ *http.Request) bool { return answer(w, code, "") })
		for _, args := range [][]string{{"check"}, {"explain", "admin"}} {
			if got, want := start(t, d.env(), args...).wait(t), map[int]int{401: exitUsage, 500: exitFailed}[code]; got != want {
				t.Errorf("dormant %s with a %d: the exit code is %d, not %d", args, code, got, want)
			}
		}
	}
	d.onlyReads(d.Requests())
}

// The author of a profile sees what the program reads by it.
func TestCheckShowsWhatAProfileReads(t *testing.T) {
	t.Parallel()
	mine := func(t *testing.T, old, line string) string {
		p := start(t, nil, "profiles", "itflex")
		p.wait(t)
		text := p.stdout.String()
		if strings.Count(text, old) != 1 {
			t.Fatalf("%q is not once in\n%s", old, text)
		}
		return "DORMANT_PROFILE=" + write(t, "mine.yaml", strings.Replace(text, old, line, 1))
	}
	second := func(body string) hook { // the second look at the first account
		return func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/api/users/1" && answer(w, http.StatusOK, body)
		}
	}
	nothing := func(http.ResponseWriter, *http.Request) bool { return false }
	for _, c := range []struct {
		says    string
		before  hook
		environ func(*testing.T) string
		code    int
		stdout  []string // patterns
		stderr  string
	}{
		{"what is right", nothing, nil, exitDone, []string{
			`(?m)^second look +works; tried with account "1"$`, `(?m)^id +"1" +"2" +"3" +"4" +"5"$`, `(?m)^username +"admin" `, `(?m)^admin +true `,
			`(?m)^disabled +not told `, `(?m)^created +20\d\d-\S+Z `, `(?m)^last login +20\d\d-\S+Z `, `(?m)^other activity .*20\d\d-`,
			`(?m)^decision +keep `, `(?m)^reason +self `, `(?m)^last_login +on \d+ of 100 +lastLogin, last_login +"20\d\d-`, `(?m)^email +on 100 of 100 +email +"admin@example.com"$`,
		}, `^$`},
		{"a second look that fails", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/api/users/1" && answer(w, http.StatusForbidden, "")
		}, nil, exitUsage, []string{`second look +does not work`, `(?m)^id +"1" `}, `read account "1" again.*403`},
		{"a second look at nobody", func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/api/users/1" && answer(w, http.StatusNotFound, "")
		}, nil, exitFailed, []string{`second look +does not work`}, `read account "1" again`},
		{"a second look at another account", second(`{"id": 2, "username": "x", "superuser": false, "last_login": "2020-01-01"}`),
			nil, exitFailed, []string{`second look +does not work`}, `"2"`},
		{"a path that leads nowhere", nothing, func(t *testing.T) string { return mine(t, "username: username\n", "username: user\n") }, exitUsage, []string{
			`(?m)^username +not found +user$`, `(?m)^id +on 100 of 100 +id +1$`, `(?m)^username +"" +"" `, `(?m)^decision +keep `,
		}, `user\.username`},
		{"a path that leads nowhere, and may", nothing, func(t *testing.T) string { return mine(t, "email: email\n", "email: mail\n") }, exitDone, []string{
			`(?m)^email +not found \(optional\) +mail$`,
		}, `^$`},
		{"a second look that tells less", second(`{"id": 1, "username": "x", "superuser": false}`),
			func(t *testing.T) string {
				return mine(t, "self:\n  path: /api/user/info\n  item: [user, data, \"@this\"]\n", "")
			}, exitDone,
			[]string{`second look +works, but of account "1" it tells another thing than the listing: keep \(\w+\), not keep \(admin\)`}, `^$`},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			d := serve(t, "itflex")
			d.before(c.before)
			environ := []string{"DORMANT_PAGE_SIZE=100"}
			if c.environ != nil {
				environ = append(environ, c.environ(t))
			}
			p := start(t, d.env(environ...), "check")
			if code := p.wait(t); code != c.code || !regexp.MustCompile(c.stderr).MatchString(p.stderr.String()) {
				t.Errorf("%d, and %s is not in:\n%s", code, c.stderr, &p.stderr)
			}
			for _, pattern := range c.stdout {
				if !regexp.MustCompile(pattern).MatchString(p.stdout.String()) {
					t.Errorf("%s is not in:\n%s", pattern, &p.stdout)
				}
			}
			d.onlyReads(d.Requests())
		})
	}
}
