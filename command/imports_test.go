package command

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport says which packages of the module each package may import: main imports
// command, which imports what reads the configuration and what does the work; client
// knows profile and job; job knows none of them.
var mayImport = map[string][]string{
	".":                 {"command"},
	"command":           {"command/config", "command/notify", "client", "client/profile", "client/sandbox", "job", "job/memory", "job/report"},
	"command/config":    {"command/notify", "client/profile", "job", "job/report"},
	"command/notify":    nil,
	"client":            {"client/profile", "job"},
	"client/profile":    {"client/profiles", "job"},
	"client/profiles":   nil,
	"client/sandbox":    nil,
	"client/simulation": nil,
	"job":               {"job/memory"},
	"job/memory":        nil,
	"job/report":        {"job"},
	"deploy/monitoring": nil,
}

// testsMayImport says what the tests of a package may import besides.
var testsMayImport = map[string][]string{
	"client":            {"client/sandbox"},
	"command":           {"job/memory"},
	"client/profiles":   {"client", "client/profile", "client/sandbox", "job"},
	"client/simulation": {"client", "client/profile", "client/sandbox", "job", "job/memory", "job/report"},
	"deploy/monitoring": {"client", "job"},
}

// onlyIn says in which packages a library is used. What is not named may be used anywhere.
var onlyIn = map[string][]string{
	"github.com/caarlos0/env/v11":                   {"command/config"},
	"github.com/robfig/cron/v3":                     {"command", "job"},
	"github.com/nicholas-fedor/shoutrrr/pkg/router": {"command/notify"},
	"os/signal": {"."},
}

// nowhere are packages that start processes, which would inherit the environment, or
// that open a door.
var nowhere = []string{"os/exec", "plugin", "C", "unsafe", "net/http/pprof", "expvar"}

// source is a Go file of the module.
type source struct {
	folder, name string // from the module's folder
	imports      []string
}

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

// sources are the module's Go files. A folder with a go.mod is another module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		within, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if within != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{folder: path.Dir(filepath.ToSlash(within)), name: entry.Name()}
		for _, i := range parsed.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
		return nil
	})
	if err != nil || len(all) < 100 {
		t.Fatalf("%d files: %v", len(all), err)
	}
	return all
}

// Imports go one way, and a package that is new has its place among the others.
func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()
	var folders []string
	for _, s := range sources(t) {
		file := path.Join(s.folder, s.name)
		folders = append(folders, s.folder)
		allowed, known := mayImport[s.folder]
		if !known {
			t.Errorf("%s: mayImport does not say what package %s may import", file, s.folder)
			continue
		}
		if s.isTest() {
			allowed = slices.Concat(allowed, testsMayImport[s.folder], []string{s.folder})
		}
		for _, imported := range s.imports {
			if within, ok := strings.CutPrefix(imported, "dormant/"); ok && !slices.Contains(allowed, within) {
				t.Errorf("%s imports %s; package %s may import %q", file, imported, s.folder, allowed)
			}
			if places, ok := onlyIn[imported]; ok && !s.isTest() && !slices.Contains(places, s.folder) {
				t.Errorf("%s imports %s, which is for %q", file, imported, places)
			}
		}
	}
	slices.Sort(folders)
	sameIDs(t, "packages", slices.Compact(folders), slices.Collect(maps.Keys(mayImport)))
}

// The door is main.go alone: what the program does has its place in a package.
func TestTheTopLevelHasOneGoFile(t *testing.T) {
	t.Parallel()
	var top []string
	for _, s := range sources(t) {
		if s.folder == "." {
			top = append(top, s.name)
		}
	}
	sameIDs(t, "Go files at the top", top, []string{"main.go"})
	if lines := strings.Count(read(t, root+"main.go"), "\n"); lines > 40 {
		t.Errorf("main.go has %d lines", lines)
	}
}

// Nothing here starts another process, which would inherit the environment.
func TestNoChildren(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			if !s.isTest() && slices.Contains(nowhere, imported) {
				t.Errorf("%s imports %s", path.Join(s.folder, s.name), imported)
			}
		}
	}
}
