package job

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func aliased(names ...string) func(*User) { return func(u *User) { u.Aliases = names } }
func roles(names ...string) func(*User)   { return func(u *User) { u.Roles = names } }

func codes(warnings []Warning) string {
	var codes []string
	for _, w := range warnings {
		codes = append(codes, w.Code)
	}
	return strings.Join(codes, " ")
}

// Each row is a directory of which one account is dormant, and named in a policy in a form
// of its own. Whatever the form, nothing is asked of the directory against that account.
func TestNamesProtect(t *testing.T) {
	allow := func(text string) func(*Policy) { return func(p *Policy) { p.Allowlist = entries(text) } }
	actor := func(text string) func(*Policy) { return func(p *Policy) { p.Actor = ExactNames(text) } }
	username := func(text string) func(*Policy) { return func(p *Policy) { p.Username = ExactNames(text) } }
	role := func(text string) func(*Policy) {
		return func(p *Policy) {
			es, err := ParseRoles([]string{text})
			if err != nil {
				panic(err)
			}
			p.ProtectRoles = NewEntries(es...)
		}
	}
	tests := []struct {
		rule   string
		policy func(*Policy)
		user   User
		want   Reason // or nothing: removed
		codes  string // of the warnings
	}{
		{"the id", allow("boss"), with("boss"), Allowlisted, ""},
		{"the username", allow("Boss"), with("1", named("boss ")), Allowlisted, ""},
		{"the email", allow("boss@x.example"), with("1", mailed("\u200bBoss@X.example.")), Allowlisted, ""},
		{"an alias", allow("boss@x.example"), with("1", aliased("", "ceo@x.example", "BOSS@x.example")), Allowlisted, ""},
		{"an alias, by a pattern", allow("*@x.example"), with("1", aliased("boss@x.example")), Allowlisted, ""},
		{"the domain in ASCII", allow("boss@bücher.example"), with("1", mailed("boss@xn--bcher-kva.example")), Allowlisted, ""},
		{"escaped for HTML", allow("o'neill"), with("1", named("o&#039;neill")), Allowlisted, ""},
		{"nobody's", allow("somebody-else"), with("1"), "", "allowlist_unmatched"},
		{"nearly the username", allow("bosss"), with("1", named("boss")), Allowlisted, "allowlist_near_match"},
		{"nearly an alias", allow("boss@exmaple.org"), with("1", aliased("boss@example.org")), Allowlisted, "allowlist_near_match"},
		{"nearly by a pattern", allow("*@exmaple.org"), with("1", mailed("boss@example.org")), Allowlisted, "allowlist_near_match"},
		{"several in one", allow("alice/boss"), with("1", named("boss")), Allowlisted, "allowlist_near_match"},

		{"the actor", actor("boss@x.example "), with("1", mailed("boss@x.example")), Self, ""},
		{"the actor's alias", actor("boss@x.example"), with("1", aliased("Boss@x.example")), Self, ""},
		{"the actor is no pattern", actor("*"), with("1"), "", "actor_unmatched"},
		{"nearly the actor", actor("bosss"), with("1", named("boss")), Self, "actor_near_match"},
		{"who signs in", username("boss "), with("1", named("boss")), Self, ""},
		{"nearly who signs in", username("bos.s"), with("1", named("boss")), Self, "username_near_match"},
		{"somebody else signs in", username("robot"), with("1", named("boss")), "", "username_unmatched"},

		{"a role", role("ops"), with("1", roles("dev", "\ufeffOPS ")), ProtectedRole, ""},
		{"nearly a role", role("adminz"), with("1", roles("dev", "admins")), ProtectedRole, "role_near_match"},
		{"nobody's role", role("ops"), with("1", roles("dev")), "", "role_unmatched"},
		{"roles that are not told", role("ops"), with("1", roles()), ProtectedRole, "role_unmatched"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, []User{with("new", login("2026-06-30T00:00:00Z")), tt.user}, func(t *testing.T, c *cleanup) {
				tt.policy(&c.Policy)
				c.Policy.InactiveFor = testPolicy().InactiveFor
				r := c.run(t.Context(), t)
				if tt.want == "" && strings.HasPrefix(tt.codes, "actor") {
					tt.want = "refused"
				}
				did := "kept"
				if c.dir.requests[tt.user.ID] > 0 {
					did = "removed"
				}
				if tt.want == "" && did != "removed" || tt.want != "" && (did == "removed" || tt.want != "refused" && r.Counts.Kept[tt.want] != 1) {
					t.Errorf("%s, kept %v; want it kept as %q", did, r.Counts.Kept, tt.want)
				}
				if got := codes(r.Warnings); got != tt.codes {
					t.Errorf("warnings %q, want %q", got, tt.codes)
				}
			})
		})
	}
}

func TestPlanWarnsOfWhatMatchesNobody(t *testing.T) {
	p := testPolicy()
	p.Allowlist = entries("name-of-1", "robot", "*@keep.example", "bos.s", "bosss")
	p.Allowlist.list[4].Line = 7
	p.Actor, p.Username, p.ProtectRoles = ExactNames("janitor"), ExactNames("NAME-OF-2"), Entries{}
	pl := planOf(p, with("1"), with("2"), with("3", named("boss")))
	var got []string
	for _, w := range pl.Warnings {
		got = append(got, fmt.Sprintf("%d %s %s: %s", w.entry, w.Code, w.Subject, w.Message))
	}
	want := []string{
		`2 allowlist_unmatched robot: the allowlist's entry "robot" matches no account and protects nobody: correct it, or take it out`,
		`3 allowlist_unmatched *@keep.example: the allowlist's entry "*@keep.example" matches no account and protects nobody: correct it, or take it out`,
		`4 allowlist_near_match bos.s: the allowlist's entry "bos.s" matches nobody, and is nearly the same as "boss" (id "3"), who is kept: correct it, or take it out`,
		`5 allowlist_near_match bosss: the allowlist's entry "bosss" (line 7 of the file) matches nobody, and is nearly the same as "boss" (id "3"), who is kept: correct it, or take it out`,
		`1 actor_unmatched janitor: DORMANT_ACTOR "janitor" is the name of no account, so nobody is kept as the one who removes: correct it`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(pl.Candidates) != 0 || pl.Kept[Allowlisted] != 2 || pl.Kept[Self] != 1 || !pl.ActorUnknown {
		t.Errorf("candidates %s, kept %v, actor unknown: %t", ids(pl.Candidates), pl.Kept, pl.ActorUnknown)
	}
}

// Of many accounts that an entry is near, a warning names the first.
func TestPlanWarnsOfManyNearMatches(t *testing.T) {
	p := testPolicy()
	p.Allowlist = entries("name-of-x")
	var users []User
	for i := range 7 {
		users = append(users, with(strconv.Itoa(i)))
	}
	pl := planOf(p, users...)
	if len(pl.Candidates) != 0 || pl.Kept[Allowlisted] != 7 {
		t.Errorf("candidates %s, kept %v", ids(pl.Candidates), pl.Kept)
	}
	if m := pl.Warnings[0].Message; strings.Count(m, "(id ") != maxNamed || !strings.Contains(m, " and 2 more, who is kept") {
		t.Error(m)
	}
}

// An entry of which an account has the very name keeps nobody else.
func TestExactMatchIsNotNear(t *testing.T) {
	p := testPolicy()
	p.Allowlist = entries("boss")
	if pl := planOf(p, with("1", named("bosss")), with("2", named("boss"), login("2026-06-30T00:00:00Z"))); ids(pl.Candidates) != "1" {
		t.Errorf("candidates %s, warnings %v", ids(pl.Candidates), pl.Warnings)
	}
}

func TestRunWarns(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.Log = c.Log.Level(zerolog.WarnLevel)
		c.Policy.Allowlist, c.Policy.Username = entries("1", "nobody-*", "mail-of-3@corp.exmaple"), ExactNames("stranger@x.example")
		c.Activity = readActivity(t, "id,last_login", "somebody,2026-06-01", "new,2026-07-01")
		r := c.run(t.Context(), t)
		if r.Outcome != Completed || resultsOf(r) != "2:removed" {
			t.Errorf("%s: %s", r.Outcome, resultsOf(r))
		}
		if got := codes(r.Warnings); got != "allowlist_unmatched allowlist_near_match username_unmatched activity_unmatched" {
			t.Errorf("%v", r.Warnings)
		}
		for text, want := range map[string]int{
			`"warning":"allowlist_unmatched","entry":2`: 1, `"warning":"allowlist_near_match","entry":3`: 1,
			`"warning":"username_unmatched"`: 1, `"warning":"activity_unmatched"`: 1,
			"stranger": 0, "nobody": 0, "mail-of": 0,
		} {
			if got := strings.Count(c.log.String(), text); got != want {
				t.Errorf("%d times %s in %s", got, text, c.log.String())
			}
		}
	})
}

func TestRunWithoutWarnings(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		text, err := json.Marshal(c.run(t.Context(), t))
		if err != nil || !strings.Contains(string(text), `"warnings":[]`) {
			t.Errorf("%v: %s", err, text)
		}
	})
	inBubble(t, nil, func(t *testing.T, c *cleanup) {
		if text, err := json.Marshal(c.Fail(testNow, errBroken)); err != nil || !strings.Contains(string(text), `"warnings":[]`) {
			t.Errorf("%v: %s", err, text)
		}
	})
}

// Who removes has to be somebody.
func TestRunWithAnUnknownActor(t *testing.T) {
	stranger := func(c *cleanup) { c.Policy.Actor = ExactNames("stranger") }
	tests := []struct {
		rule   string
		edit   func(*cleanup)
		want   Outcome
		became string
		guards string
	}{
		{"an actor of the directory", func(c *cleanup) { c.Policy.Actor = ExactNames(" NAME-OF-new") }, Completed, "1:removed 2:removed 3:removed", ""},
		{"no actor", func(*cleanup) {}, Completed, "1:removed 2:removed 3:removed", ""},
		{"a stranger", func(*cleanup) {}, Refused, "1:not_attempted 2:not_attempted 3:not_attempted", "actor_unknown"},
		{"a stranger, in a dry run", func(c *cleanup) { c.DryRun = true }, DryRun, "1:would_remove 2:would_remove 3:would_remove", "actor_unknown"},
		{"the directory says who calls", self(User{ID: "new"}, nil), Completed, "1:removed 2:removed 3:removed", ""},
		{"the directory says who calls, who is not listed", self(User{ID: "0"}, nil), Completed, "1:removed 2:removed 3:removed", ""},
		{"nearly a candidate", func(c *cleanup) { c.Policy.Actor = ExactNames("name-of-1x") }, Refused, "2:not_attempted 3:not_attempted", "actor_unknown"},
		{"the directory knows him, and does not list him", found(User{ID: "stranger", Username: "s"}), Completed, "1:removed 2:removed 3:removed", ""},
		{"the directory knows him, and lists him by another name", found(User{ID: "1", Aliases: []string{"Stranger"}}), Completed, "2:removed 3:removed", ""},
		{"the directory knows somebody else", found(User{ID: "1", Username: "x"}), Refused, "1:not_attempted 2:not_attempted 3:not_attempted", "actor_unknown"},
		{"nobody to remove", func(c *cleanup) { c.dir.users = c.dir.users[:1] }, Refused, "", "actor_unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
				c.Limits.RequireActive, c.Limits.MaxSilence = false, math.MaxInt64
				if tt.rule != "no actor" {
					stranger(c)
				}
				tt.edit(c)
				r := c.run(t.Context(), t)
				var guards []string
				for _, refusal := range r.Refusals {
					guards = append(guards, refusal.Guard)
					if refusal.Guard == GuardActorUnknown && (refusal.Variable != "DORMANT_ACTOR" || strings.Contains(refusal.Message, "stranger")) {
						t.Errorf("%+v", refusal)
					}
				}
				if r.Outcome != tt.want || resultsOf(r) != tt.became || strings.Join(guards, " ") != tt.guards {
					t.Errorf("%s: %s, refused by %s", r.Outcome, resultsOf(r), guards)
				}
				if got := codes(r.Warnings); strings.HasPrefix(tt.rule, "the directory knows him") && got != "" {
					t.Errorf("warnings: %s", got)
				}
				if did := len(c.dir.requests) > 0; did != strings.Contains(tt.became, ":removed") {
					t.Errorf("requests: %v", c.dir.requests)
				}
			})
		})
	}
}

// found makes the directory know the account when it is asked for a stranger.
func found(u User) func(*cleanup) {
	return func(c *cleanup) {
		c.dir.users = append(c.dir.users, User{ID: "stranger"})
		c.dir.list = func(_ context.Context, i int) error {
			if i == len(c.dir.users)-1 {
				return errCutShort // the stranger is not listed
			}
			return nil
		}
		c.dir.read = func(_ context.Context, read User) (User, error) {
			if read.ID == "stranger" {
				return u, nil
			}
			return read, nil
		}
	}
}

// The second look decides by the same names.
func TestSecondLookKeepsNearMatches(t *testing.T) {
	inBubble(t, threeDormant(), func(t *testing.T, c *cleanup) {
		c.Policy.Allowlist = entries("bosss", "ceo@x.example")
		recheckFinds("2", named("boss"))(c)
		if r := c.run(t.Context(), t); resultsOf(r) != "1:removed 2:kept/allowlisted 3:removed" || c.dir.requests["2"] > 0 {
			t.Errorf("%s", resultsOf(r))
		}
	})
}

func TestExplainNames(t *testing.T) {
	inBubble(t, []User{with("1", aliased("Boss@x.example")), with("2", named("chief")), with("3", roles("admins")), with("4")}, func(t *testing.T, c *cleanup) {
		c.Policy.Allowlist, c.Policy.ProtectRoles = entries("boss@x.example", "chief2"), entries("admin")
		for name, want := range map[string]string{
			"BOSS@x.example.": `keep allowlisted: matches "boss@x.example"`,
			"chief\u200b":     `keep allowlisted: is nearly "chief2", which matches nobody`,
			"3":               `keep protected_role: roles: ["admins"], is nearly "admin", which matches nobody`,
			"4":               `remove inactive: last login: 2024-01-31T12:00:00Z, created: 2020-01-01T00:00:00Z, cutoff: 2026-04-02T12:00:00Z`,
			"nobody":          "",
		} {
			found, err := c.Explain(t.Context(), name, testNow)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, e := range found {
				for _, v := range e.Rules {
					if v.Rule == e.Decision.Reason {
						got = fmt.Sprintf("%s %s: %s", e.Decision.Action, e.Decision.Reason, v.Because)
					}
				}
			}
			if got != want {
				t.Errorf("%q: %s, want %s", name, got, want)
			}
		}
	})
}
