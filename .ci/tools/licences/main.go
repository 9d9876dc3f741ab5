// Licences lists what others have made of the program: each module with its version,
// its licences by their SPDX ids, and the texts that have to travel with a binary. It
// knows only what is compiled in, on any of the given platforms; tests and tools are not.
//
//	licences [-check] FILE GOOS/GOARCH…
//
// writes FILE, or with -check fails where FILE is not what it would write. Either way it
// fails on a module without a licence, with one that it does not recognise or that is not allowed.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed ask for no more than that their text and their notices are passed on, and
// MPL-2.0 for the source of its own files, which is public.
var allowed = []string{
	"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0",
	"Unicode-3.0", "Unicode-DFS-2015", "Unicode-DFS-2016", "Zlib",
}

// A text that is a licence, and one that belongs to it.
var (
	licence = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|unlicen[cs]e)([-._].*)?$`)
	notice  = regexp.MustCompile(`(?i)^(notice|patents|copyright)([-._].*)?$`)
)

// recognised is how much of a licence's file has to be known, in percent. The rest
// is the copyright's line, or a heading.
const recognised = 75

type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module

	ids   []string          // SPDX
	texts map[string]string // by their name below Dir
}

func main() {
	check := flag.Bool("check", false, "compare FILE, do not write it")
	flag.Parse()
	if err := run(*check, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(check bool, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: licences [-check] FILE GOOS/GOARCH…")
	}
	file := args[0]
	modules := map[string]*module{}
	for _, platform := range args[1:] {
		if err := shipped(modules, platform); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	if err := standard(modules); err != nil {
		return err
	}
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		errs = append(errs, modules[path].classify())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	want := listing(modules)
	if !check {
		return os.WriteFile(file, want, 0o644)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is not up to date: %s", file, difference(got, want))
	}
	fmt.Printf("%d modules, all with an allowed licence\n", len(modules))
	return nil
}

// shipped adds the modules that a platform's program has packages of.
func shipped(modules map[string]*module, platform string) error {
	system, architecture, ok := strings.Cut(platform, "/")
	if !ok {
		return errors.New("is not GOOS/GOARCH")
	}
	list := exec.Command("go", "list", "-deps", "-json=Dir,Module", ".")
	list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+architecture)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir    string
			Module *module
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if p.Module == nil || p.Module.Main {
			continue // the standard library, or the program itself
		}
		m := p.Module
		if m.Replace != nil {
			m = m.Replace
		}
		if modules[m.Path] == nil {
			modules[m.Path] = m
		}
		if err := modules[m.Path].collect(p.Dir); err != nil {
			return err
		}
	}
}

// collect reads the texts beside a package, and above it as far as its module goes:
// a directory that came from elsewhere can have a licence of its own.
func (m *module) collect(dir string) error {
	if m.texts == nil {
		m.texts = map[string]string{}
	}
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() || filepath.Ext(e.Name()) == ".go" || !licence.MatchString(e.Name()) && !notice.MatchString(e.Name()) {
				continue
			}
			if err := m.read(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
		if dir == m.Dir {
			return nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return fmt.Errorf("%s is not below %s", dir, m.Dir)
		}
		dir = parent
	}
}

func (m *module) read(file string) error {
	name, err := filepath.Rel(m.Dir, file)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	m.texts[filepath.ToSlash(name)] = tidy(string(text))
	return err
}

// tidy takes away what can't be seen, so that like texts are alike.
func tidy(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\f")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// standard adds Go itself: its runtime and its library are in every program.
func standard(modules map[string]*module) error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	m := &module{Path: "std", Dir: strings.TrimSpace(string(out)), texts: map[string]string{}}
	out, err = exec.Command("go", "list", "-m", "-f", "{{.GoVersion}}").Output()
	if err != nil {
		return err
	}
	// Not the very compiler's: who builds with the next patch has the same licence.
	version := strings.SplitN(strings.TrimSpace(string(out)), ".", 3)
	m.Version = "go" + strings.Join(version[:min(2, len(version))], ".")
	modules[m.Path] = m
	return errors.Join(m.read(filepath.Join(m.Dir, "LICENSE")), m.read(filepath.Join(m.Dir, "PATENTS")))
}

func (m *module) classify() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m.texts)) {
		if !licence.MatchString(filepath.Base(name)) {
			continue
		}
		coverage := licensecheck.Scan([]byte(m.texts[name]))
		if coverage.Percent < recognised {
			errs = append(errs, fmt.Errorf("%s %s: %s is no licence that is known (%.0f %%)", m.Path, m.Version, name, coverage.Percent))
		}
		for _, match := range coverage.Match {
			if !slices.Contains(allowed, match.ID) {
				errs = append(errs, fmt.Errorf("%s %s: %s is %s, which is not allowed", m.Path, m.Version, name, match.ID))
			}
			m.ids = append(m.ids, match.ID)
		}
	}
	slices.Sort(m.ids)
	m.ids = slices.Compact(m.ids)
	if len(m.ids) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("%s %s: has no licence", m.Path, m.Version))
	}
	return errors.Join(errs...)
}

func listing(modules map[string]*module) []byte {
	var b bytes.Buffer
	b.WriteString(`# Third-party licences

What others have made of the program, on any platform that it is released for. Made by
` + "`.ci/supply-chain licences`" + `, which fails on a licence that is not allowed; don't edit it.

| module | version | licence (SPDX) |
|---|---|---|
`)
	paths := slices.Sorted(maps.Keys(modules))
	owners := map[string][]string{}
	var texts []string // in the order of their first owner
	for _, path := range paths {
		m := modules[path]
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m.Path, m.Version, strings.Join(m.ids, " AND "))
		for _, name := range slices.Sorted(maps.Keys(m.texts)) {
			text := m.texts[name]
			if owners[text] == nil {
				texts = append(texts, text)
			}
			owners[text] = append(owners[text], fmt.Sprintf("%s, %s", m.Path, name))
		}
	}
	b.WriteString("\n`std` is Go's own library and runtime.\n\n## Texts\n")
	for _, text := range texts {
		b.WriteByte('\n')
		for _, owner := range owners[text] {
			fmt.Fprintf(&b, "- %s\n", owner)
		}
		fmt.Fprintf(&b, "\n~~~~text\n%s\n~~~~\n", text)
	}
	return b.Bytes()
}

// difference is the first line that is not as it should be.
func difference(got, want []byte) string {
	is, should := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(is), len(should)) {
		var a, b string
		if i < len(is) {
			a = is[i]
		}
		if i < len(should) {
			b = should[i]
		}
		if a != b {
			return fmt.Sprintf("line %d is %q, and would be %q", i+1, a, b)
		}
	}
	return ""
}
