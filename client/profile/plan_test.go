package profile

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// plannedFields have names on each level, one within another, and paths that are no names.
func plannedFields() Fields {
	return Fields{
		ID: "id", Username: "profile.login", Email: Paths{"profile.email", "mail", `odd\.name`}, Names: Paths{"names", "profile"},
		Roles: Roles{Path: "roles.#.name"}, LastLogin: LastLogin{Path: Paths{"a.b.c", "a.b", "a.0", "last"}},
	}
}

// agree fails unless one pass finds what each look-up by itself finds.
func agree(t *testing.T, text string) {
	t.Helper()
	item := gjson.Parse(text)
	p := newPlan(plannedFields())
	d := newDocument(item, p)
	defer d.release()
	for _, path := range append([]string{"other", "roles.#.name", `odd\.name`, "a.0"}, p.paths...) {
		got, want := d.Get(path), item.Get(path)
		if got.Type != want.Type || got.Raw != want.Raw || got.Str != want.Str || got.Num != want.Num || got.Exists() != want.Exists() {
			t.Errorf("%s: %s is %#v, and by itself %#v", text, path, got, want)
		}
	}
}

func TestOnePassFindsWhatEachLookUpFinds(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"id":1}`, ` { "id" : 1.5e3 , "last" : null } `, `{"id":"a\"b","mail":"\u00e4\\"}`, `{"mail":"ä","id":-0}`,
		`{"profile":{"login":"x","email":null},"names":["a","b"]}`, `{"profile":"text","a":1}`, `{"profile":[{"login":"x"}],"id":1}`,
		`{"a":{"b":{"c":true}}}`, `{"a":{"b":[1,{"c":2}]}}`, `{"a":{"b":false,"c":{"b":1}}}`, `{"a":["x"],"id":2}`, `{"a":{"0":"x"}}`,
		`{"\u0069d":3,"id2":4}`, `{"other":{"id":9,"deep":{"id":[8,"}",{"]":"{"}]}},"id":7}`, `{"odd.name":"x","odd":{"name":"y"}}`,
		`{"roles":[{"name":"r"},{"x":1}],"id":5}`, `{"id":{"a":"}"},"last":["]","\\"]}`, `[]`, `null`, `"text"`, `{"id":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		agree(t, text)
	}
}

func TestOnePassOverAnyObject(t *testing.T) {
	names := []string{"id", "profile", "login", "email", "mail", "names", "a", "b", "c", "0", "last", "roles", "name", "odd.name", "ä", `"`, ""}
	var value func(depth int) any
	value = func(depth int) any {
		switch n := rand.IntN(9); {
		case n < 3 && depth > 0:
			object := map[string]any{}
			for range rand.IntN(5) {
				object[names[rand.IntN(len(names))]] = value(depth - 1)
			}
			return object
		case n == 3 && depth > 0:
			return []any{value(depth - 1), value(depth - 1)}
		default:
			return []any{nil, true, false, 12, -0.5, "", "text", `a"\b`, "ä{[", 1e30}[rand.IntN(10)]
		}
	}
	for range 5000 {
		text, err := json.Marshal(map[string]any{"id": value(3), "profile": value(3), "a": value(4), names[rand.IntN(len(names))]: value(2)})
		if err != nil {
			t.Fatal(err)
		}
		agree(t, string(text))
	}
}

// Whatever is no valid JSON ends the pass, and never the program.
func FuzzPlan(f *testing.F) {
	f.Add(`{"id":1,"profile":{"login":"x"}}`)
	f.Add(`{"a":{"b":`)
	f.Add(`{"id":"\`)
	f.Fuzz(func(t *testing.T, text string) {
		if json.Valid([]byte(text)) && !repeatsName(gjson.Parse(text)) {
			agree(t, text)
			return
		}
		newDocument(gjson.Parse(text), newPlan(plannedFields())).release()
	})
}

// repeatsName reports whether an object has a name twice, which no listing may have.
func repeatsName(v gjson.Result) bool {
	names, repeats := map[string]bool{}, false
	v.ForEach(func(name, value gjson.Result) bool {
		repeats = repeats || v.IsObject() && names[name.Str] || value.IsObject() && repeatsName(value) || value.IsArray() && repeatsName(value)
		names[name.Str] = true
		return !repeats
	})
	return repeats
}

// BenchmarkAccount reads one account of 270 bytes.
func BenchmarkAccount(b *testing.B) {
	text := `{"id":10000001,"username":"user10000001","email":"user10000001@example.org","first_name":"Some","last_name":"Body",` +
		`"is_admin":false,"created":"2019-03-04T05:06:07Z","last_login":"2026-01-02T03:04:05Z","locale":"en_GB","avatar":"/avatars/default/64x64.png","groups":["staff"]}`
	p := &Profile{User: Fields{
		ID: "id", Username: "username", Email: Paths{"email"}, Admin: Flag{{Path: "is_admin"}},
		Created: &Timestamp{Path: Paths{"created"}}, LastLogin: LastLogin{Path: Paths{"last_login"}},
	}}
	r, err := NewAccountReader(p, Bindings{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Account("", gjson.Parse(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// An account without roles and further names is read without memory of its own: its texts are
// parts of the item.
func TestReadingAnAccountAllocatesNothing(t *testing.T) {
	p := &Profile{User: Fields{
		ID: "id", Username: "username", Email: Paths{"profile.email"}, Admin: Flag{{Path: "is_admin"}},
		Created: &Timestamp{Path: Paths{"created"}}, LastLogin: LastLogin{Path: Paths{"last_login"}},
	}}
	r, err := NewAccountReader(p, Bindings{})
	if err != nil {
		t.Fatal(err)
	}
	item := gjson.Parse(`{"id":1,"username":"alice","profile":{"email":"alice@example.org"},"is_admin":false,` +
		`"created":"2019-03-04T05:06:07Z","last_login":"2026-01-02T03:04:05Z"}`)
	n := testing.AllocsPerRun(100, func() {
		if _, err := r.Account("", item); err != nil {
			t.Error(err)
		}
	})
	if n >= 1 { // -race makes the pool forget some
		t.Errorf("%v allocations", n)
	}
}
