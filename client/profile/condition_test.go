package profile

import (
	"strconv"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/tidwall/gjson"
)

// condition reads one from YAML.
func condition(t testing.TB, source string) Condition {
	t.Helper()
	var c Condition
	if err := yaml.UnmarshalWithOptions([]byte(source), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return c
}

// verdict is what a condition or a flag says in one word.
func verdict(holds, known bool, err error) string {
	switch {
	case err != nil:
		return "error"
	case !known:
		return "unknown"
	}
	return strconv.FormatBool(holds)
}

func TestCondition(t *testing.T) {
	for source, rows := range map[string]map[string]string{
		`admin`: {
			`{"admin":true}`: "true", `{"admin":false}`: "false", `{}`: "unknown", `{"admin":null}`: "unknown",
			`{"admin":"true"}`: "error", `{"admin":1}`: "error", `{"admin":0}`: "error", `{"admin":""}`: "error", `{"admin":[]}`: "error", `{"admin":{}}`: "error",
		},
		`{path: admin, missing: false}`: {
			`{"admin":true}`: "true", `{"admin":false}`: "false", `{}`: "false", `{"admin":null}`: "false", `{"admin":"yes"}`: "error",
		},
		`{path: admin, missing: true}`: {
			`{"admin":true}`: "true", `{"admin":false}`: "false", `{}`: "true", `{"admin":null}`: "true",
		},
		`{path: type, in: [service_account, "internal_*", "b?t"]}`: {
			`{"type":"service_account"}`: "true", `{"type":"internal_x"}`: "true", `{"type":"internal_"}`: "true", `{"type":"bot"}`: "true", `{"type":"BOT"}`: "true",
			`{"type":"boat"}`: "false", `{"type":"internal"}`: "false", `{"type":"xservice_account"}`: "false", `{"type":""}`: "false",
			`{}`: "unknown", `{"type":null}`: "unknown", `{"type":{"a":"bot"}}`: "false", `{"type":["x","bot"]}`: "true", `{"type":[]}`: "false", `{"type":["x"]}`: "false",
		},
		`{path: active, in: [false, 0, "no"]}`: {
			`{"active":false}`: "true", `{"active":"false"}`: "true", `{"active":"FALSE"}`: "true", `{"active":0}`: "true", `{"active":"0"}`: "true", `{"active":"no"}`: "true",
			`{"active":true}`: "false", `{"active":1}`: "false", `{"active":"yes"}`: "false", `{"active":[true,false]}`: "true", `{}`: "unknown",
		},
		`{path: code, in: [404, 1.5]}`: {
			`{"code":404}`: "true", `{"code":"404"}`: "true", `{"code":4040}`: "false", `{"code":1.5}`: "true", `{"code":12345678901234567890}`: "false",
		},
		`{path: machine, in: ["*"], missing: false}`: {
			`{"machine":{}}`: "true", `{"machine":{"a":1}}`: "true", `{"machine":"x"}`: "true", `{"machine":false}`: "true", `{"machine":[1]}`: "true",
			`{"machine":[]}`: "false", `{}`: "false", `{"machine":null}`: "false",
		},
		`{path: "roles.#.name", in: [admin]}`: {
			`{"roles":[{"name":"admin"}]}`: "true", `{"roles":[{"name":"x"},{"name":"Admin"}]}`: "true", `{"roles":[{"name":"x"}]}`: "false", `{"roles":[]}`: "false",
			`{}`: "unknown", `{"roles":null}`: "unknown", `{"roles":{"name":"admin"}}`: "unknown", `{"roles":"admin"}`: "unknown",
			// What has no name may be any role.
			`{"roles":[{"title":"admin"}]}`: "unknown", `{"roles":["admin"]}`: "unknown", `{"roles":[{"name":"x"},{}]}`: "unknown", `{"roles":[{"name":"admin"},{}]}`: "true",
		},
		`{path: a.b\.c.0, in: [x]}`: {`{"a":{"b.c":["x"]}}`: "true", `{"a":{"b":{"c":["x"]}}}`: "unknown", `{"a":{"b.c":[]}}`: "unknown"},
	} {
		c := condition(t, source)
		for document, want := range rows {
			if got := verdict(c.Holds(gjson.Parse(document))); got != want {
				t.Errorf("%s of %s: %s, want %s", source, document, got, want)
			}
		}
	}
}

// TestFlag: one condition is enough, and what may hold is unknown.
func TestFlag(t *testing.T) {
	for source, rows := range map[string]map[string]string{
		`[is_admin, is_staff]`: {
			`{"is_admin":true,"is_staff":false}`: "true", `{"is_admin":false,"is_staff":true}`: "true", `{"is_admin":false,"is_staff":false}`: "false",
			`{"is_admin":true}`: "true", `{"is_staff":true}`: "true", `{"is_admin":false}`: "unknown", `{"is_staff":false}`: "unknown", `{}`: "unknown",
			`{"is_admin":true,"is_staff":"no"}`: "error", `{"is_admin":"yes","is_staff":true}`: "error",
		},
		`[is_admin, {path: role, in: [owner], missing: false}]`: {
			`{"is_admin":false}`: "false", `{"is_admin":false,"role":"owner"}`: "true", `{"role":"owner"}`: "true", `{"role":"guest"}`: "unknown",
		},
		`{path: role, in: [owner]}`: {`{"role":"owner"}`: "true", `{"role":"x"}`: "false", `{}`: "unknown"},
		`is_admin`:                  {`{"is_admin":true}`: "true", `{}`: "unknown"},
		`[]`:                        {`{}`: "false"},
	} {
		var f Flag
		if err := yaml.UnmarshalWithOptions([]byte(source), &f, yaml.Strict()); err != nil {
			t.Fatal(err)
		}
		for document, want := range rows {
			if got := verdict(f.isSet(gjson.Parse(document))); got != want {
				t.Errorf("%s of %s: %s, want %s", source, document, got, want)
			}
		}
	}
}

// FuzzCondition: whatever the document, what is not there is known only if the
// profile says what that means.
func FuzzCondition(f *testing.F) {
	for _, document := range []string{``, `{}`, `{"a":null}`, `{"a":true}`, `{"a":"x"}`, `{"a":[null,"x"]}`, `{"a":{"b":1}}`, `[]`, `{"a":1e400}`, `{"a":"\ud800"}`} {
		f.Add(document, "a", "x")
	}
	f.Add(`{"a":[{"b":"x"}]}`, "a.#.b", "*")
	yes, no := true, false
	f.Fuzz(func(t *testing.T, text, path, glob string) {
		document := gjson.Parse(text)
		c := Condition{Path: path}
		if glob != "" {
			source, err := yaml.Marshal(map[string]any{"path": path, "in": []string{glob}})
			if err != nil {
				return
			}
			if err := yaml.Unmarshal(source, &c); err != nil {
				return
			}
			c.Path = path
		}
		v := document.Get(path)
		holds, known, err := c.Holds(document)
		if err != nil && (holds || known) {
			t.Fatalf("%q at %q: %v, and it holds %t, is known %t", text, path, err, holds, known)
		}
		if holds && !known {
			t.Fatalf("%q at %q holds and is not known", text, path)
		}
		if v.Type != gjson.Null {
			return
		}
		if known {
			t.Fatalf("nothing at %q of %q is known", path, text)
		}
		for _, missing := range []*bool{&yes, &no} {
			c.Missing = missing
			if holds, known, err := c.Holds(document); holds != *missing || !known || err != nil {
				t.Fatalf("nothing at %q of %q is %t, %t, %v", path, text, holds, known, err)
			}
		}
	})
}
