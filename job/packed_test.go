package job

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPackedIsAllOfTheAccount: each part of an account, alone and with all others, is still
// there after it was packed. It finds a part that is added to User and forgotten here.
func TestPackedIsAllOfTheAccount(t *testing.T) {
	full := User{
		ID: "17", Username: "ann", Email: "ann@example.org", Aliases: []string{"", "a.n.n", "ann@example.org"},
		Created: instant("2020-01-02T03:04:05.000000006Z"), Undated: true,
		LastLogin:  LastLogin{State: LoginTooEarly, At: instant("1969-12-31T23:59:59.5Z"), NotAfter: true},
		KnownUntil: instant("9999-12-31T23:59:59Z"), Partial: true, LoginAlone: true,
		LastActivity: instant("0001-01-01T00:00:00.000000001Z"), FirstSeen: instant("2026-01-02T03:04:05Z"),
		Admin: true, ServiceAccount: true, Disabled: true, Roles: []string{"staff", ""}, Extra: map[string]string{"": "{}", "name": `"x"`},
	}
	var p pieces
	same := func(u User) {
		t.Helper()
		if got := p.pack(&u).user(); !reflect.DeepEqual(got, u) {
			t.Errorf("%+v\nwas packed as %+v", u, got)
		}
		if got := p.pack(&u).id(); got != u.ID {
			t.Errorf("%+v: the id is %q", u, got)
		}
	}
	same(full)
	same(User{})
	kinds := reflect.TypeFor[User]()
	for i := range kinds.NumField() {
		if !kinds.Field(i).IsExported() {
			continue
		}
		value := reflect.ValueOf(full).Field(i)
		if value.IsZero() {
			t.Errorf("%s has to be in the account of this test", kinds.Field(i).Name)
		}
		var only User
		reflect.ValueOf(&only).Elem().Field(i).Set(value)
		same(only)
		without := full
		reflect.ValueOf(&without).Elem().Field(i).SetZero()
		same(without)
	}
	for state := range LoginTooEarly + 1 {
		same(User{LastLogin: LastLogin{State: state}})
	}
	same(User{Aliases: []string{}, Roles: []string{}, Extra: map[string]string{}}) // known to be none
	for _, name := range []string{"", "a", strings.Repeat("x", 127), strings.Repeat("x", 128), strings.Repeat("é", 3*pieceSize), "\x00\xff"} {
		for _, other := range []string{"", name, "a", name + "a", "aa" + name} {
			same(User{ID: name, Username: other, Email: other + "@" + name})
			same(User{ID: other, Username: name, Email: name})
		}
	}
}

// TestPiecesStayAsTheyAre: what was kept first is the same after much more was kept.
func TestPiecesStayAsTheyAre(t *testing.T) {
	var p pieces
	random := rand.New(rand.NewPCG(1, 2))
	var kept, want []string
	for range 2000 {
		text := make([]byte, random.IntN(300))
		for i := range text {
			text[i] = byte(random.IntN(256))
		}
		kept, want = append(kept, p.keep(text)), append(want, string(text))
		clear(text)
	}
	if !slices.Equal(kept, want) {
		t.Error("a text has changed")
	}
}

// TestCandidatesAreStoredWhole: what is looked at is what was stored, by all decisions.
func TestCandidatesAreStoredWhole(t *testing.T) {
	for _, since := range []time.Time{{}, instant("1969-12-31T23:59:59.999999999Z"), instant("2024-02-29T00:00:00.1Z")} {
		for _, removable := range []time.Time{{}, testNow} {
			for _, d := range append(decisions(), Decision{}, Decision{"other", "unheard of"}) {
				want := Candidate{User: with("1"), Action: d.Action, Reason: d.Reason, InactiveSince: since, RemovableAt: removable}
				if got := candidatesOf(Candidate{}, want).At(1); !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		}
	}
}

// TestCandidatesSortByTimeAndID: any two times are in the order in which they are.
func TestCandidatesSortByTimeAndID(t *testing.T) {
	var want []Candidate
	for _, since := range []string{
		"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000001Z", "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.9Z", "1970-01-01T00:00:00Z",
		"2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000000255Z", "2024-01-01T00:00:00.000000256Z", "9999-12-31T23:59:59Z",
	} {
		for _, id := range []string{"", "1", "10", "2", "a", "ab", "é"} {
			want = append(want, Candidate{User: User{ID: id, Username: "b" + id}, InactiveSince: instant(since)})
		}
	}
	shuffled := slices.Clone(want)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	sorted := candidatesOf(shuffled...)
	sorted.sort()
	for i, got := range sorted.All() {
		if got.User.ID != want[i].User.ID || !got.InactiveSince.Equal(want[i].InactiveSince) {
			t.Errorf("%d: %q %s, want %q %s", i, got.User.ID, got.InactiveSince, want[i].User.ID, want[i].InactiveSince)
		}
	}
}
