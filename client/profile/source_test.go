package profile

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// TestNamesOf: a source and the accounts differ in how they write a name, and a source by
// name may have any name of an account. What the absence of an entry means, it means only
// for who has the kind of name that the source has.
func TestNamesOf(t *testing.T) {
	u := job.User{ID: "17", Username: "Ana ", Email: "Ana@Bücher.test", Aliases: []string{"", "a.smith@x.test"}}
	mailless := job.User{ID: "17", Username: "ana"}
	for by, row := range map[string]struct {
		entries  string // those that are about u, of all
		mailless bool   // it can have an entry
	}{
		"":         {"17", true},
		"id":       {"17", true},
		"username": {"ANA ana@xn--bcher-kva.test. \u200bana A.Smith@x.test", true},
		"email":    {"ANA ana@xn--bcher-kva.test. \u200bana A.Smith@x.test", false},
	} {
		p := load(t, strings.ReplaceAll("list: {path: /users, items: users}\nuser: {id: id}\nremove: {path: \"/users/{id}\"}\nheaders: {Authorization: \"{token}\"}\n"+
			"activity: {path: /log, items: log, account: {path: who, BY}, at: at}\n", "BY", "by: "+by))
		readers, err := SourceReaders(p, p.Bind(Values{}))
		if err != nil {
			t.Fatal(err)
		}
		r, names := readers[0], map[string]bool{}
		for _, name := range r.NamesOf(u) {
			names[name] = true
		}
		var got []string
		for _, who := range []string{"17", "ANA", "ana@xn--bcher-kva.test.", "\u200bana", "A.Smith@x.test", "an", "x", "\u200b"} {
			e, ok := r.Entry(gjson.Parse(`{"who":"`+who+`","at":"2026-01-01"}`), job.User{})
			if ok && names[e.Account] {
				got = append(got, who)
			}
		}
		if strings.Join(got, " ") != row.entries {
			t.Errorf("by %q: %+q, want %+q", by, strings.Join(got, " "), row.entries)
		}
		if !r.CanName(u) || r.CanName(mailless) != row.mailless || r.CanName(job.User{Aliases: []string{"a@x.test"}}) {
			t.Errorf("by %q: %t, %t", by, r.CanName(u), r.CanName(mailless))
		}
	}
}
