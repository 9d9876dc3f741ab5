package profile

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// TestFlagCounts: the values where a condition looks are counted and shown, unless they
// are names, or too many.
func TestFlagCounts(t *testing.T) {
	var many strings.Builder
	for i := range 20 {
		many.WriteString(`{"id":1,"v":"value ` + string(rune('a'+i)) + `"} `)
	}
	for name, row := range map[string]struct {
		flag   string
		items  string
		misses bool
		values string
	}{
		"a number where there are words": {`{path: role, in: [1]}`, `{"id":1,"role":"OWNER"} {"id":2,"role":"USER"} {"id":3,"role":"USER"} {"id":4,"role":"BOT"}`, true, `"OWNER" (1), "USER" (2), "BOT" (1)`},
		"one matches":                    {`{path: role, in: [own*]}`, `{"id":1,"role":"OWNER"} {"id":2,"role":"USER"}`, false, `"OWNER" (1), "USER" (1)`},
		"lists":                          {`{path: roles, in: [x]}`, `{"id":1,"roles":["a","b"]} {"id":2,"roles":["b"]} {"id":3,"roles":[]}`, true, `"a" (1), "b" (2)`},
		"through lists":                  {`{path: "roles.#.n", in: [x]}`, `{"id":1,"roles":[{"n":"a"},{"n":"b"}]} {"id":2,"roles":[]} {"id":3}`, true, `"a" (1), "b" (1)`},
		"no values":                      {`{path: role, in: [x], missing: false}`, `{"id":1,"role":null} {"id":2}`, false, ``},
		"true and false":                 {`off`, `{"id":1,"off":false} {"id":2,"off":false}`, false, `"false" (2)`},
		"numbers":                        {`{path: level, in: [admin]}`, `{"id":1,"level":1} {"id":2,"level":2.5} {"id":3,"level":1}`, true, `"1" (2), "2.5" (1)`},
		"too many":                       {`{path: v, in: [x]}`, many.String(), true, `"value a" (1), "value b" (1), "value c" (1), "value d" (1), "value e" (1), "value f" (1), others`},
		"names":                          {`{path: name, in: ["svc-*"]}`, `{"id":1,"name":"ana"} {"id":2,"name":"bo"}`, true, `names of the accounts`},
		"ids":                            {`{path: id, in: ["-*"]}`, `{"id":1,"name":"ana"} {"id":2,"name":"bo"}`, true, `names of the accounts`},
		"line breaks and escapes":        {`{path: role, in: [x]}`, `{"id":1,"role":"a\nb\u001b[31m\u202e"}`, true, `"a\nb\x1b[31m\u202e" (1)`},
		"a long text":                    {`{path: role, in: [x]}`, `{"id":1,"role":"` + strings.Repeat("x", 1000) + `"}`, true, `"` + strings.Repeat("x", 40) + `" (1)`},
	} {
		t.Run(name, func(t *testing.T) {
			p := sketch(t, "", ", username: name, admin: "+row.flag, "")
			counts := NewFieldCounts(p.User)
			for item := range strings.Lines(strings.ReplaceAll(row.items, "} {\"id", "}\n{\"id")) {
				counts.Add(gjson.Parse(item))
			}
			got := counts.Flags[0]
			if got.Misses() != row.misses || got.Values() != row.values || !strings.HasSuffix(p.Where(got.Key), "user.admin") {
				t.Errorf("misses: %t, values: %s, at %s; want %t, %s", got.Misses(), got.Values(), p.Where(got.Key), row.misses, row.values)
			}
		})
	}
}
