package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// profileWith is a profile with a body of its removal.
func profileWith(body string) string {
	return `headers: {Authorization: "{token}"}
list: {path: /users, items: users}
user: {id: id}
remove:
  path: /users/{id}
  body:
` + body
}

// levels are lists of nine aliases of the list before, which stand for 9^n texts.
func levels(n int) string {
	var text strings.Builder
	text.WriteString("    a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&text, "    a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return text.String()
}

// TestAliases: aliases stand for what they are, as long as all of it stays small.
func TestAliases(t *testing.T) {
	for name, row := range map[string]struct{ text, err string }{
		"no alias":                {profileWith("    a: 1\n"), ""},
		"three levels":            {profileWith(levels(3)), ""},
		"a merged mapping":        {profileWith("    a: &a {x: 1}\n    b: {<<: *a, y: 2}\n"), ""},
		"eight levels":            {profileWith(levels(8)), "it is larger than 64 KiB with its aliases replaced"},
		"forty levels":            {profileWith(levels(40)), "it is larger than 64 KiB with its aliases replaced"},
		"a long text, often":      {profileWith("    a: &a " + strings.Repeat("x", 10_000) + "\n    b: [*a, *a, *a, *a, *a, *a, *a]\n"), "larger than 64 KiB with its aliases replaced"},
		"merged mappings":         {profileWith(strings.ReplaceAll(levels(8), "[", "[{a: 1}, ")), "larger than 64 KiB with its aliases replaced"},
		"an alias of itself":      {profileWith("    a: &a [1, *a]\n"), "line 7: *a stands inside of what it stands for"},
		"an alias of nothing":     {profileWith("    a: *b\n"), "b"},
		"a long file":             {profileWith("    a: 1\n") + "# " + strings.Repeat("x", 64<<10), "is larger than 64 KiB"},
		"in other places as well": {"params: {a: &a " + strings.Repeat("x", 20_000) + ", b: *a, c: *a, d: *a}\n" + profileWith("    a: 1\n"), "larger than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			before := allocated()
			_, err := loadText(t, row.text)
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
				t.Errorf("%v; want %q", err, row.err)
			}
			if n := allocated() - before; n > 64<<20 {
				t.Errorf("%d MiB were allocated for %d bytes", n>>20, len(row.text))
			}
		})
	}
}

// allocated is how many bytes were allocated since the program began.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestProfileThatIsNoFile(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "own.yaml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, "/dev/zero", t.TempDir() + "/"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "is not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Load("/none.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestManyProblems: thousands of problems are not all looked for.
func TestManyProblems(t *testing.T) {
	var text strings.Builder
	text.WriteString("headers:\n")
	for i := range 2000 {
		fmt.Fprintf(&text, "  H%d: \"{x}\"\n", i)
	}
	_, err := loadText(t, text.String()+"list: {path: /users, items: users}\nuser: {id: id}\nremove: {path: \"/users/{id}\"}\n")
	if err == nil || strings.Count(err.Error(), "\n") != maxProblems || !strings.HasSuffix(err.Error(), "and more") {
		t.Errorf("%.3000s", err)
	}
}
