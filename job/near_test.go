package job

import (
	"strings"
	"testing"
)

func nearTo(e Entry, isRole bool) *nearMisses {
	var ms nearMisses
	ms.add(e, 1, isRole)
	return &ms
}

func TestNear(t *testing.T) {
	tests := []struct {
		entry, name string
		want        bool
	}{
		// One edit.
		{"alcie", "alice", true},
		{"alic", "alice", true},
		{"alicee", "alice", true},
		{"alize", "alice", true},
		{"malice", "alice", true},
		{"lice", "alice", true},
		{"alice@exmaple.org", "alice@example.org", true},
		{"alice@example.com", "alice@example.co", true},
		{"alice@example.ogr", "Alice@Example.org", true},
		{"alise.smith@example.org", "alice.smith@example.org", true},
		{"zoe.smith", "zoë.smith", true},
		{"rene@example.org", "rené@example.org", true},
		{"a@bucher.example", "a@xn--bcher-kva.example", true},
		{"o’neil", "o&#039;neill", true},
		{"oneill", "o'neill", true},
		{"user17", "user18", true},
		{"alice#example.org", "alice@example.org", true},
		{"日本太郎", "日本次郎", true},

		{"aliec", "alicia", false},
		{"alcei", "alice", false},
		{"acile", "alice", false},
		{"alice", "bob", false},
		{"alice@example.org", "bob@example.org", false},
		{"alice@example.org", "alice@other.org", false},

		// The world is not near.
		{"bob", "rob", false},
		{"bo", "bob", false},
		{"ann", "anne", true},
		{"x", "y", false},
		{"17", "18", false},
		{"1017", "1018", false},
		{"10170", "10180", false},
		{"00001017", "00001018", false},
		{"1017", "1071", false},
		{"1234567", "a1234567", false},
		{"1017@example.org", "1018@example.org", false},
		{"1017@example.org", "1017@exmaple.org", true},
		{"1017", "1017@example.org", false},

		// Separators.
		{"alice.smith", "alice-smith", true},
		{"alice smith", "alice.smith", true},
		{"alicesmith", "Alice_Smith", true},
		{"a-b", "a.b", true},
		{"a.b", "ab", true},
		{"1-7", "17", true},
		{"alice.smith@example.org", "alicesmith@example.org", true},
		{"alice@my-example.org", "alice@myexample.org", true},
		{"alice+dormant@example.org", "alice@example.org", true},
		{"alice@example.org", "alice+x@example.org", true},
		{"a.smiht", "a-smith", true},
		{"---", "alice", false},
		{"---", "...", false},

		{"007", "7", true},
		{"7", "0007", true},
		{"17.0", "17", true},
		{"17.0", "170", false},
		{"0", "00", true},
		{"007@x.example", "7@x.example", false},
		{"7.5", "7", false},

		// A domain more or less.
		{"alice", "alice@example.org", true},
		{"alice@example.org", "alice", true},
		{"bob@example.org", "bob", true},
		{"alice.smith", "alice_smith@example.org", true},
		{"alice", `CORP\alice`, true},
		{`CORP\alice`, "alice", true},
		{"alice", "@alice:example.org", true},
		{"@alice", "@alice:example.org", true},
		{"@alice:example.org", "alice", true},
		{"5f7c8ec7c33c6c004bbafe82", "auth0|5f7c8ec7c33c6c004bbafe82", true},
		{"@alice:example.org", "@alice:other.example", false},
		{"17@example.org", "17", false},

		// What the name belongs to, said in another way.
		{`CORP\alice`, "alice@corp.example", true},
		{"alice@corp.example", `CORP\alice`, true},
		{"@alice:example.org", "alice@example.org", true},
		{"uid=alice,ou=people,dc=example", "alice", true},
		{"alice", "CN=Alice,OU=People,DC=example", true},
		{"cn=alice smith,ou=people", "alice.smith", true},
		{"/staff/alice", "alice@example.org", true},
		{`CORP\17`, "17@corp.example", false},
		{`CORP\alice`, `OTHER\alice`, false},
		{"corp", `CORP\alice`, false},

		// A domain that is a part of the other one.
		{"alice@mail.example.org", "alice@example.org", true},
		{"alice@example.org", "alice@mail.example.org", true},
		{"alice@corp", "alice@corp.example", true},
		{"alice@example.org", "alice@badexample.org", false},
		{"user:alice@example.org", "alice@example.org", true},
		{"17@mail.example.org", "17@example.org", false},

		// Accents, and letters that look the same.
		{"josé.garcía", "jose.garcia", true},
		{"jose.garcia", "josé.garcía", true},
		{"jürgen.müller", "juergen.mueller", true},
		{"mueller.juergen@example.org", "Müller.Jürgen@example.org", true},
		{"søren.ærø", "soeren.aeroe", true},
		{"håkon", "haakon", true},
		{"\u0430li\u0441\u0435", "alice", true}, // three Cyrillic letters
		{"\u0391\u039b\u0399", "\u0391\u039b\u038a", true},
		{"٧", "7", true},
		{"٧", "8", false},
		{"josé.*", "jose.garcia", true},
		{"*.garcía-pérez", "ana.garcia-perez", true},
		{"राम", "रम", false}, // too short to be near, and a vowel is no accent

		// Several names in one.
		{"a b", "a", true},
		{"a b", "b", true},
		{"alice bob", "bob", true},
		{"alice/bob", "Alice", true},
		{"alice|bob", "bob", true},
		{"alice (boss)", "alice", true},
		{"17 18", "18", true},
		{"uid=alice,ou=people", "alice", true},
		{`alice\nbob`, "bob", true},
		{`alice\nbob`, "alice", true},
		{`CORP\nancy`, "nancy", true},
		{"alice smith", "smit", false},
		{"/alice/", "alice", true},
		{"(alice)", "alice", true},
		{"|alice|", "alice", true},
		{"~~alice.smith~~", "Alice.Smith", true},
		{"(17)", "17", true},
		{"alice@example.org", "bob@example.org; alice@example.org", true},
		{"alice", "Smith, Alice", true},
		{"smith", "alice smith", false},

		// Patterns.
		{"*@exmaple.org", "alice@example.org", true},
		{"*@example.og", "alice@example.org", true},
		{"*@exampple.org", "alice@example.org", true},
		{"*@exbmple.org", "alice@example.org", true},
		{"*@my_example.org", "alice@my-example.org", true},
		{"svc-*", "svc_backup", true},
		{"svc-*", "svc.backup", true},
		{"svc-*", "svchost", false},
		{"backup-*", "bakcup-1", true},
		{"backup-*", "backups", false},
		{"backup-*", "restore-1", false},
		{"svc-*", "scv-1", false}, // too short
		{"user-1?", "user-21", false},
		{"user-1?", "user-1", false},
		{"*2@mail.example", "3@mail.example", false},
		{"*@a.io", "x@b.io", false},
		{"ali?e.*", "alcie.smith", true},
		{"alice?smith", "alcie.smith", true},
	}
	for _, tt := range tests {
		e, err := ParseEntry(tt.entry)
		if err != nil {
			t.Fatal(err)
		}
		ms := nearTo(e, false)
		if got := len(ms.find([]forms{formsOf("somebody else"), formsOf(tt.name)})) > 0; got != tt.want {
			t.Errorf("%q and %q: near %t, want %t", tt.entry, tt.name, got, tt.want)
		}
	}
}

func TestNearRoles(t *testing.T) {
	for _, tt := range []struct {
		entry, role string
		want        bool
	}{
		{"admins", "admin", true},
		{"Users manegement", "Users management", true},
		{"users-management", "Users management", true},
		{"Users management", "users", false},
		{"ops", "dev", false},
		{"admin", "realm/admin", true},
		{"devs", "CN=Devs,OU=Groups,DC=example", true},
		{"devs", "urn:example:group:devs", true},
		{"devs", "staff;devs", true},
		{"devs", "Staff, Devs", true},
		{"(devs)", "devs", true},
		{"(domain admins)", "Domain Admins", true},
		{"Systèmes généraux", "systemes generaux", true},
	} {
		es, err := ParseRoles([]string{tt.entry})
		if err != nil {
			t.Fatal(err)
		}
		ms := nearTo(es[0], true)
		if got := len(ms.find([]forms{formsOf(tt.role)})) > 0; got != tt.want {
			t.Errorf("%q and %q: near %t, want %t", tt.entry, tt.role, got, tt.want)
		}
	}
}

// What a hostile directory calls an account costs no more than to read it.
func TestNearALongName(t *testing.T) {
	e, err := ParseEntry("*a*a*a*a*a*a*a*a*a*bc")
	if err != nil {
		t.Fatal(err)
	}
	ms := nearTo(e, false)
	for _, n := range []int{maxNameLength, 1 << 20} {
		if len(ms.find([]forms{formsOf(strings.Repeat("a", n))})) > 0 {
			t.Errorf("%d characters match", n)
		}
	}
}

// FuzzNear: an entry is near what is one edit of a letter away.
func FuzzNear(f *testing.F) {
	f.Add("alice.smith@example.org", 3, 'x')
	f.Add("zoë", 0, 'ß')
	f.Add("日本太郎", 9, 'a')
	f.Fuzz(func(t *testing.T, name string, at int, letter rune) {
		e, err := ParseEntry(name)
		runes := []rune(e.name)
		if err != nil || e.re != nil || len(runes) < minEdited || at < 0 || at >= len(runes) || len(e.name) > 200 || letter < 'a' || letter > 'z' || !hasLetter(newNearName(e.name).bare) {
			return
		}
		ms := nearTo(e, false)
		inserted := string(runes[:at]) + string(letter) + string(runes[at:])
		if got := []string{e.name, inserted}; hasLetter(newNearName(inserted).bare) && CanonicalName(inserted) == inserted && newNearName(inserted).compact != "" && !strings.Contains(e.name, "+") {
			for _, near := range got {
				if len(ms.find([]forms{formsOf(near)})) == 0 {
					t.Errorf("%q is not near %q", e.name, near)
				}
			}
		}
	})
}
