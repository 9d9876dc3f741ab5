package profile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func builtin(t testing.TB, name string) *Profile {
	t.Helper()
	p, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// load reads a profile from its YAML.
func load(t testing.TB, source string) *Profile {
	t.Helper()
	p, err := loadText(t, source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func loadText(t testing.TB, source string) (*Profile, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sketch is a profile of which only that is written out which a test is about:
// what follows in the listing and in the accounts, and more keys.
func sketch(t testing.TB, listing, user, more string) *Profile {
	t.Helper()
	p, err := sketchText(t, listing, user, more)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sketchText(t testing.TB, listing, user, more string) (*Profile, error) {
	t.Helper()
	var source strings.Builder
	fmt.Fprintf(&source, "list: {path: /users, items: users%s}\nuser: {id: id%s}\n", listing, user)
	for key, value := range map[string]string{"headers": `{Authorization: "{token}"}`, "remove": `{path: "/users/{id}"}`} {
		if !strings.Contains("\n"+more, "\n"+key+":") {
			fmt.Fprintf(&source, "%s: %s\n", key, value)
		}
	}
	return loadText(t, source.String()+more)
}
