package command

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"dormant/client/sandbox"
	"dormant/job"
)

// Each row is a directory in which boss and bystander are dormant, and somebody names boss in
// a form of his own. Whatever the form, the request to remove boss is never sent: he is kept,
// or the program does not start.
func TestNamesProtectOnTheWire(t *testing.T) {
	t.Parallel()
	boss := func(id, username, email string) sandbox.User {
		return sandbox.User{ID: id, Username: username, Email: email, LastLogin: now.AddDate(-1, 0, 0)}
	}
	plain := boss("17", "boss", "boss@bücher.example")
	file := func(text string) func(*testing.T) string {
		return func(t *testing.T) string { return "DORMANT_ALLOWLIST_FILE=" + write(t, "allowlist", text) }
	}
	set := func(variable, value string) func(*testing.T) string {
		return func(*testing.T) string { return "DORMANT_" + variable + "=" + value }
	}
	allow := func(value string) func(*testing.T) string { return set("ALLOWLIST", value) }
	const (
		kept    = ""        // and nothing to say about it
		refused = "refused" // at the start
		near    = "near"    // kept, with a warning
	)
	for _, c := range []struct {
		says string
		boss sandbox.User
		by   func(*testing.T) string
		want string
	}{
		{"the name", plain, allow("boss"), kept},
		{"upper case and blanks", plain, allow(" BOSS "), kept},
		{"a blank at the end of the username", boss("17", "boss ", ""), allow("boss"), kept},
		{"a no-break space", plain, allow("boss\u00a0"), kept},
		{"a zero width space", plain, allow("bo\u200bss"), kept},
		{"a word joiner in the directory", boss("17", "boss\u2060", ""), allow("boss"), kept},
		{"an embedded direction", plain, allow("\u202aboss\u202c"), kept},
		{"a byte order mark on a later line", plain, file("# all\n\ufeffboss\n"), kept},
		{"composed and decomposed", boss("17", "ren\u00e9e", ""), allow("rene\u0301e"), kept},
		{"decomposed and composed", boss("17", "rene\u0301e", ""), allow("ren\u00e9e"), kept},
		{"a domain in ASCII", plain, allow("boss@xn--bcher-kva.example"), kept},
		{"a domain in Unicode", boss("17", "zzyzx", "boss@xn--bcher-kva.example"), allow("*@bücher.example"), kept},
		{"full width", plain, allow("ｂｏｓｓ"), kept},
		{"escaped for HTML", boss("17", "o&#039;neill", ""), allow("o'neill"), kept},
		{"the id", plain, allow("17"), kept},
		{"a blank within, in a file", boss("17", "big boss", ""), file("Big  Boss\n"), kept},

		{"single quotes", plain, allow("'boss'"), refused},
		{"double quotes", plain, file("\"boss\"\n"), refused},
		{"typographic quotes", plain, allow("“boss”"), refused},
		{"a quote at one end", plain, allow("'boss,other'"), refused},
		{"semicolons", plain, allow("boss;other"), refused},
		{"blanks between names", plain, allow("boss other"), refused},
		{"an address with its name", plain, allow("The Boss <boss@bücher.example>"), refused},
		{"an item of a list", plain, file("- boss\n"), refused},
		{"a bullet", plain, file("* boss\n"), refused},
		{"a URL", plain, allow("mailto:boss@bücher.example"), refused},
		{"a key and a value", plain, allow("user=boss"), refused},
		{"a comma at the end of a line", plain, file("boss,\n"), refused},
		{"an actor in quotes", plain, set("ACTOR", `"boss"`), refused},
		{"an actor's address with its name", plain, set("ACTOR", "Boss <boss@bücher.example>"), refused},

		{"two names in a line", plain, file("boss other\n"), near},
		{"a letter too few", plain, allow("boss@bücher.exampl"), near},
		{"a letter too many", plain, allow("bosss"), near},
		{"another letter", plain, allow("boss@bucher.example"), near},
		{"two letters swapped", plain, allow("boss@bücher.exmaple"), near},
		{"another separator", boss("17", "big.boss", ""), allow("big-boss"), near},
		{"no domain", boss("17", "zzyzx", "boss@bücher.example"), allow("boss"), near},
		{"a tag", plain, allow("boss+x@bücher.example"), near},
		{"a domain of a pattern", plain, allow("*@bücher.exmaple"), near},

		{"the actor with a blank", plain, set("ACTOR", "boss@bücher.example "), kept},
		{"the actor in upper case", plain, set("ACTOR", "BOSS"), kept},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			d := serve(t, "maestro", func(o *sandbox.Options) {
				o.Users = []sandbox.User{
					{ID: "1", Username: "admin", Admin: true, LastLogin: now}, {ID: "2", Username: "present", LastLogin: now}, c.boss,
					{ID: "bystander", Username: "qwerty", Email: "q@other.example", LastLogin: now.AddDate(-1, 0, 0)},
				}
			})
			if c.want == refused {
				p := start(t, d.env(forReal, c.by(t)), "run")
				if got := p.wait(t); got != exitUsage || !strings.Contains(p.stderr.String(), "DORMANT_A") || len(d.Requests()) > 0 {
					t.Errorf("it ended with %d, after %d requests: %s", got, len(d.Requests()), &p.stderr)
				}
				return
			}
			r := d.run("run", forReal, c.by(t))
			r.expect(t, exitDone, job.Completed)
			sameIDs(t, "removed", d.Removed(), []string{"bystander"})
			var warned bool
			for _, w := range r.report.Warnings {
				warned = warned || w.Code == job.WarnAllowlistNearMatch && strings.Contains(w.Message, `(id "17")`) && strings.Contains(w.Message, fmt.Sprintf("%q", w.Subject))
			}
			if warned != (c.want == near) || c.want == kept && len(r.report.Warnings) > 0 {
				t.Errorf("the warnings: %+v", r.report.Warnings)
			}
			for _, name := range []string{c.boss.Username, "bücher", "q@other"} {
				if strings.Contains(r.stderr, name) {
					t.Errorf("the log has %q: %s", name, r.stderr)
				}
			}
		})
	}
}

// Whoever removes has to be somebody: otherwise he might be among those who are removed.
func TestAnActorWhoIsNobody(t *testing.T) {
	t.Parallel()
	d := serve(t, "maestro")
	r := d.run("run", forReal, "DORMANT_ACTOR=stranger@x.example")
	r.expect(t, exitRefused, job.Refused)
	sameIDs(t, "removed", d.Removed(), nil)
	if len(r.report.Refusals) != 1 || r.report.Refusals[0].Guard != job.GuardActorUnknown || r.report.Refusals[0].Variable != "DORMANT_ACTOR" {
		t.Errorf("refusals: %+v", r.report.Refusals)
	}
	if strings.Contains(r.stderr, "stranger") {
		t.Errorf("the log names the actor: %s", r.stderr)
	}
	r = d.run("run", "DORMANT_ACTOR=stranger@x.example")
	r.expect(t, exitDone, job.DryRun)
	if len(r.report.Refusals) != 1 || r.report.Warnings[0].Code != job.WarnActorUnmatched || r.report.Warnings[0].Subject != "stranger@x.example" {
		t.Errorf("a dry run: %+v, %+v", r.report.Refusals, r.report.Warnings)
	}

	// Where the directory says who calls, the actor may be anybody.
	d = serve(t, "itflex")
	d.run("run", forReal, "DORMANT_ACTOR=stranger").expect(t, exitDone, job.Completed)
	sameIDs(t, "removed", d.Removed(), d.unused())
}

// In a directory by SCIM, ana is dormant, and her addresses are written in each of the ways in
// which servers write them. She is kept by any of them.
func TestEveryAddressProtects(t *testing.T) {
	t.Parallel()
	for says, emails := range map[string]string{
		"plain texts":              `["x@a.example", "ana@b.example"]`,
		"one object":               `{"value": "ana@b.example", "primary": true}`,
		"one text":                 `"ana@b.example"`,
		"objects":                  `[{"value": "x@a.example", "primary": true}, {"value": "ana@b.example"}]`,
		"texts and objects":        `["x@a.example", {"value": "ana@b.example"}]`,
		"a text that says primary": `[{"value": "x@a.example"}, {"value": "ana@b.example", "primary": "True"}]`,
		"no text that says so":     `[{"value": "ana@b.example"}, {"value": "x@a.example", "primary": "True"}]`,
	} {
		for by, environ := range map[string][]string{
			"the allowlist":     {"DORMANT_ALLOWLIST=ana@b.example"},
			"a pattern":         {"DORMANT_ALLOWLIST=*@B.example."},
			"the actor":         {"DORMANT_ACTOR= ana@b.example"},
			"the activity file": {"DORMANT_ACTIVITY_FILE=" + write(t, "logins.csv", fmt.Sprintf("email,last_login\nbob@c.example,2020-01-01\nANA@b.example ,%s\nnow@c.example,%[1]s\n", now.Format("2006-01-02")))},
		} {
			var mu sync.Mutex
			var sent []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				const user = `{"id": %q, "userName": %q, "emails": %s, "active": true}`
				ana, bob, now := fmt.Sprintf(user, "1", "ana", emails), fmt.Sprintf(user, "2", "bob", `["bob@c.example"]`), fmt.Sprintf(user, "3", "now", `["now@c.example"]`)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case r.Method == http.MethodDelete:
					sent = append(sent, r.URL.Path)
					w.WriteHeader(http.StatusNoContent)
				case r.URL.Path == "/Users" && r.URL.Query().Get("startIndex") == "1":
					fmt.Fprintf(w, `{"totalResults": 3, "Resources": [%s, %s, %s]}`, ana, bob, now)
				case r.URL.Path == "/Users":
					fmt.Fprint(w, `{"totalResults": 3, "Resources": []}`)
				case strings.Contains(strings.Join(sent, " "), r.URL.Path):
					w.WriteHeader(http.StatusNotFound)
				default:
					fmt.Fprint(w, map[string]string{"/Users/1": ana, "/Users/2": bob, "/Users/3": now}[r.URL.Path])
				}
			}))
			logins := write(t, "logins.csv", fmt.Sprintf("username,last_login\nana,2020-01-01\nbob,2020-01-01\nnow,%s\n", now.Format("2006-01-02")))
			p := start(t, append([]string{
				"DORMANT_PROFILE=scim", "DORMANT_URL=" + server.URL, "DORMANT_TOKEN=t", "DORMANT_INACTIVE_FOR=90d", "DORMANT_MAX_REMOVAL_PERCENT=100",
				"DORMANT_ACTIVITY_FILE=" + logins, forReal,
			}, environ...), "run")
			code := p.wait(t)
			server.Close()
			if got := strings.Join(sent, " "); code != exitDone || got != "/Users/2" {
				t.Errorf("%s, %s: %d, removed %q: %s%s", says, by, code, got, &p.stdout, &p.stderr)
			}
		}
	}
}

func TestCheckSaysWhatMatchesNobody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		want    []string
		never   string
	}{
		{nil, nil, "warning|not seen yet"},
		{[]string{"DORMANT_ALLOWLIST=admin,nobody-here", "DORMANT_ACTOR=stranger"}, []string{
			`warning +allowlist_unmatched: the allowlist's entry "nobody-here" matches no account`, `warning +actor_unmatched: DORMANT_ACTOR "stranger"`,
		}, `"admin" matches`},
	} {
		d := serve(t, "maestro")
		p := start(t, d.env(c.environ...), "check")
		p.wait(t)
		wantMatches(t, p.stdout.String(), c.want, c.never)
	}
	d := serve(t, "itflex") // of which the first page is not all
	p := start(t, d.env("DORMANT_ALLOWLIST=admin,nobody-here", "DORMANT_PAGE_SIZE=20"), "check")
	p.wait(t)
	wantMatches(t, p.stdout.String(), []string{`not seen yet +"nobody-here"; audit reads all pages`}, "allowlist_unmatched")
}

// wantMatches fails unless the text has all of the patterns, and not the last one.
func wantMatches(t *testing.T, text string, want []string, never string) {
	t.Helper()
	for _, pattern := range want {
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("no %q in\n%s", pattern, text)
		}
	}
	if never != "" && regexp.MustCompile(never).MatchString(text) {
		t.Errorf("%q in\n%s", never, text)
	}
}
