package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func FuzzDecodeListing(f *testing.F) {
	for _, doc := range []string{
		``, `null`, `{}`, `[]`, `{"users":null}`, `{"users":[]}`, people(1, 3, `,"next":null`), `{"a":{"users":[1]},"users":[2]}`,
		`{"users":[{"a":"]}"},[],"x",1e5,null]}`, `{"users":[1],"users":[2]}`, `{"users":[1]} x`, `{"\u0075sers":[1]}`,
		`{"data":{"list":[{}]}}`, `{"data":{"list":[1]},"users":[2]}`, `{"data":[1]}`, `{"data.list":[1]}`, "{\"users\":[\"\xff\"]}",
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, path := range []string{"users", "data.list", "@this"} {
			var got []string
			envelope, err := decodeListing(bytes.NewReader(doc), []string{path}, false, func(_ string, item []byte) error {
				got = append(got, compact(item))
				return nil
			})
			want, ok := oracle(doc, strings.Split(path, "."))
			if strict := jsontext.Value(doc).IsValid(); err == nil && !strict {
				t.Fatalf("%q is not JSON and is accepted", doc)
			} else if err != nil && strict && ok && len(doc) < maxBody {
				t.Fatalf("%q is refused: %v", doc, err)
			}
			if err != nil {
				continue
			}
			if !ok || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("%q: items at %s\n%q\nwant\n%q", doc, path, got, want)
			}
			if !json.Valid([]byte(envelope.Raw)) {
				t.Fatalf("%q: the envelope is %q", doc, envelope.Raw)
			}
		}
	})
}

// oracle finds the items with encoding/json.
func oracle(doc []byte, path []string) (items []string, ok bool) {
	if path[0] == "@this" {
		path = nil
	}
	for _, name := range path {
		var object map[string]json.RawMessage
		if json.Unmarshal(doc, &object) != nil || object[name] == nil {
			return nil, false
		}
		doc = object[name]
	}
	var array []json.RawMessage
	if err := json.Unmarshal(doc, &array); err != nil || array == nil {
		return nil, false
	}
	for _, item := range array {
		items = append(items, compact(item))
	}
	return items, true
}

func compact(raw []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return "not JSON: " + string(raw)
	}
	return b.String()
}

func TestKeyed(t *testing.T) {
	for body, want := range map[string]string{
		`{"users":{"ana":{"n":1},"b/o":{"n":2}}}`: "ana b/o",
		`{"users":{}}`:                      "",
		`{"users":[]}`:                      "", // as PHP writes an empty one
		`{"users":{"":{"n":1}}}`:            "", // an account that is never acted on
		`{"users":{"a\u0020b":{"n":1}}}`:    "a b",
		`{"users":[{"n":1}]}`:               "users is an array, not an object with accounts for members",
		`{"users":[null]}`:                  "users is an array",
		`{"users":null}`:                    "users is null, not an object",
		`{"users":"ana"}`:                   "users is text, not an object",
		`{"users":{"ana":5}}`:               "page 1, item 1: 5 is not an account",
		`{"users":{"ana":null}}`:            "page 1, item 1: null is not an account",
		`{"users":{"a":{},"a":{}}}`:         "not JSON",
		`{"users":{"a":{}}} x`:              "behind the end",
		`{"users":{"a":{}}`:                 "cut short",
		`{}`:                                "no users",
		`{"users":{"ana":{"n":1},"bo":[]}}`: "item 2: an array is not an account",
	} {
		s := serve(t, routes{"GET /users": body})
		users, err := all(t, s, connect(t, s, load(t, `headers: {Authorization: "{token}"}
list: {path: /users, items: users, keyed: true}
user: {id: "@key", extra: {n: n}}
remove: {path: "/users/{id}"}
`), retries(0)))
		if len(strings.Fields(want)) > 2 || strings.HasPrefix(want, "no") || strings.HasPrefix(want, "cut") {
			wantError(t, err, "page 1", want)
		} else if err != nil || ids(users) != want {
			t.Errorf("%s: %q, %v; want %q", body, ids(users), err, want)
		}
	}
	// The name may be something else than the id, and all of the response the object.
	s := serve(t, routes{"GET /users": `{"x":{"id":7},"y":{"id":8}}`})
	p := load(t, strings.Replace(smallest, "items: users", `items: "@this", keyed: true`, 1))
	if users, err := all(t, s, connect(t, s, p)); err != nil || ids(users) != "7 8" {
		t.Errorf("%s, %v", ids(users), err)
	}
}

func FuzzKeyed(f *testing.F) {
	for _, doc := range []string{`{}`, `[]`, `[1]`, `{"users":{}}`, `{"users":[]}`, `{"users":{"a":1,"b":[2]}}`, `{"users":{"a":1,"a":2}}`,
		`{"users":{"\u0061":{}}}`, `{"users":{"a":{}},"next":1}`, `{"users":{"a"`, `{"users":[ ]}`, `null`} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got := map[string]string{}
		n := 0
		envelope, err := decodeListing(strings.NewReader(string(doc)), []string{"users"}, true, func(key string, item []byte) error {
			got[key] = compact(item)
			n++
			return nil
		})
		if err != nil {
			return
		}
		var whole struct{ Users any }
		if err := json.Unmarshal(doc, &whole); err != nil {
			t.Fatalf("%q is accepted: %v", doc, err)
		}
		var exact map[string]json.RawMessage // names in another case are other names
		if err := json.Unmarshal(doc, &exact); err != nil || n != len(got) || !json.Valid([]byte(envelope.Raw)) {
			t.Fatalf("%q: %d items, %d names, envelope %q", doc, n, len(got), envelope.Raw)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(exact["users"], &members); err != nil {
			var none []any
			if err := json.Unmarshal(exact["users"], &none); err != nil || len(none) > 0 || n > 0 {
				t.Fatalf("%q has the items %q", doc, got)
			}
			return
		}
		for key, raw := range members {
			if got[key] != compact(raw) || len(members) != n {
				t.Fatalf("%q: %q is %q, want %q", doc, key, got[key], raw)
			}
		}
	})
}

// TestKeyedAlike: items of different names are different accounts, or different items
// that are not accounts, even if their contents are equal.
func TestKeyedAlike(t *testing.T) {
	const keyed = `, keyed: true, only: {path: type, in: [human], missing: true}, page: {param: p, first: 1}`
	for name, row := range map[string]struct {
		listing string
		pages   []string // the last is empty if there is no total
		want    string
		err     string
	}{
		"pages":             {keyed, []string{`"a":{"n":1},"b":{"n":1}`, `"c":{"n":1},"d":{"n":1}`, ``}, "a b c d", ""},
		"pages of one":      {keyed, []string{`"a":{"n":1}`, `"b":{"n":1}`, ``}, "a b", ""},
		"the same page":     {keyed, []string{`"a":{"n":1},"b":{"n":1}`, `"a":{"n":1},"b":{"n":1}`, ``}, "a b", "page 2 is page 1 once more"},
		"no accounts":       {keyed + ", total: n", []string{`"x":{"type":"bot"},"y":{"type":"bot"},"a":{}`}, "a", ""},
		"on two pages":      {keyed + ", total: n", []string{`"x":{"type":"bot"},"a":{}`, `"y":{"type":"bot"}`}, "a", ""},
		"one is missing":    {keyed + ", total: 4", []string{`"x":{"type":"bot"},"y":{"type":"bot"},"a":{}`, ``}, "a", "has 3 accounts and says that there are 4"},
		"the same one once": {keyed + ", total: 4", []string{`"x":{"type":"bot"},"a":{}`, `"x":{"type":"bot"},"b":{}`, ``}, "a b", "has 3 accounts and says that there are 4"},
	} {
		t.Run(name, func(t *testing.T) {
			total := map[bool]int{true: 4, false: 3}[strings.HasSuffix(row.listing, "4")]
			rs := routes{"GET /users?p=" + strconv.Itoa(len(row.pages)+1): 404}
			for i, members := range row.pages {
				rs["GET /users?p="+strconv.Itoa(i+1)] = fmt.Sprintf(`{"users":{%s},"n":%d}`, members, total)
			}
			s := serve(t, rs)
			p := load(t, strings.NewReplacer("items: users", "items: users"+strings.Replace(row.listing, "total: 4", "total: n", 1), "id: id", `id: "@key"`).Replace(smallest))
			users, err := all(t, s, connect(t, s, p, retries(0), connections(1)))
			if row.err != "" {
				wantError(t, err, row.err)
			} else if err != nil {
				t.Error(err)
			}
			if ids(users) != row.want {
				t.Errorf("got %s, want %s", ids(users), row.want)
			}
		})
	}
}
