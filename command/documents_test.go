package command

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client/profile"
	"dormant/command/config"
)

func TestReadmeNamesEveryVariable(t *testing.T) {
	t.Parallel()
	var got, want []string
	for _, row := range readme(t, "variable") {
		got = append(got, strings.Join(row, " "))
	}
	for _, v := range config.All() {
		want = append(want, v.Name+" "+v.Default+" "+v.Help)
	}
	sameIDs(t, "variables", got, want)
}

func TestReadmeNamesEveryMetric(t *testing.T) {
	t.Parallel()
	d := serve(t, "itflex")
	a := newDaemon(t, io.Discard, d.env()...)
	a.runNow(t.Context()) // some metrics are not there before
	a.metrics.NextRun(time.Now())
	families, err := a.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, root+"README.md")
	var got, want []string
	for _, row := range readme(t, "metric") {
		labels := strings.FieldsFunc(row[1], func(r rune) bool { return strings.ContainsRune("`, ", r) })
		got = append(got, fmt.Sprint(row[0], slices.Sorted(slices.Values(labels))))
	}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		want = append(want, fmt.Sprint(f.GetName(), labels))
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() { // what reports say as well
				known := slices.Contains([]string{"outcome", "reason", "result", "state"}, l.GetName())
				if known && !strings.Contains(text, "`"+l.GetValue()+"`") {
					t.Errorf("%s %s is nowhere in the README", l.GetName(), l.GetValue())
				}
			}
		}
	}
	sameIDs(t, "metrics", got, want)
}

func TestReadmeNamesEveryExitCode(t *testing.T) {
	t.Parallel()
	var got, want []string
	for _, row := range readme(t, "code") {
		got = append(got, row[0])
	}
	file, err := parser.ParseFile(token.NewFileSet(), "exit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "exit") && len(v.Values) == 1 {
			if literal, ok := v.Values[0].(*ast.BasicLit); ok {
				want = append(want, literal.Value)
			}
		}
		return true
	})
	sameIDs(t, "exit codes", got, want)
}

func TestReadmeNamesEveryCommand(t *testing.T) {
	t.Parallel()
	text := read(t, root+"README.md")
	for _, c := range commands() {
		if !regexp.MustCompile("(dormant|go run [.]) " + c.name + `\b`).MatchString(text) {
			t.Errorf("dormant %s is nowhere in the README", c.name)
		}
	}
	if !strings.Contains(read(t, root+"CHANGELOG.md"), "\n## [Unreleased]\n") {
		t.Error("the changelog has no section of what is unreleased")
	}
}

func TestReadmeNamesEveryProfile(t *testing.T) {
	t.Parallel()
	var got []string
	for _, row := range readme(t, "profile") {
		got = append(got, row[0])
	}
	sameIDs(t, "profiles", got, profile.Names())
}

// Whatever is deployed names only variables that the program reads.
func TestDeployedVariablesExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, v := range config.All() {
		known[v.Name] = true
	}
	variable := regexp.MustCompile(`\bDORMANT_[A-Z_]+[A-Z]\b`)
	found := 0
	err := filepath.WalkDir(root+"deploy", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		for _, name := range variable.FindAllString(read(t, path), -1) {
			if found++; !known[name] {
				t.Errorf("%s: there is no variable %s", path, name)
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d variables found, %v", found, err)
	}
}

// TestSecurityNamesTestsThatExist: what is promised is shown by these tests.
func TestSecurityNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	n := 0
	for line := range strings.Lines(read(t, root+"SECURITY.md")) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		folder := ""
		for _, m := range regexp.MustCompile("`([A-Za-z/]+)`").FindAllStringSubmatch(line, -1) {
			if !strings.HasPrefix(m[1], "Test") && !strings.HasPrefix(m[1], "Fuzz") {
				folder = m[1]
				continue
			}
			n++
			files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(files, func(file string) bool { return strings.Contains(read(t, file), "\nfunc "+m[1]+"(") }) {
				t.Errorf("there is no %s in %q", m[1], folder)
			}
		}
	}
	if n == 0 {
		t.Error("no test is named")
	}
}

// readme are the rows of the README's table whose first column has this title.
func readme(t *testing.T, title string) [][]string {
	t.Helper()
	_, rest, _ := strings.Cut(read(t, root+"README.md"), "\n| "+title+" |")
	var rows [][]string
	for i, line := range strings.Split(rest, "\n") {
		if i < 2 { // the other titles, and the line below
			continue
		}
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.Trim(strings.TrimSpace(cell), "`"))
		}
		rows = append(rows, cells)
	}
	return rows
}

// The documents that lead through the code name files and folders that are there, each
// package has its line in the map, and the tests of an example exist.
func TestTheMapIsTrue(t *testing.T) {
	t.Parallel()
	_, howItIsMade, _ := strings.Cut(read(t, root+"README.md"), "\n## How it is made\n")
	contributing := read(t, root+"CONTRIBUTING.md")
	paths := 0
	for document, text := range map[string]string{"README.md": howItIsMade, "CONTRIBUTING.md": contributing} {
		for _, m := range regexp.MustCompile("(?:[`(]|(?m:^    )|\\./)([\\w.][\\w.-]*/[\\w./-]*|[A-Z_]+\\.md|main\\.go)").FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(m[1], "bin/") || strings.Contains(m[1], "...") || slices.Contains([]string{"testing/synctest", "testdata/fuzz"}, m[1]) {
				continue // what is built there, a pattern of packages, one of Go's packages, a folder of many packages
			}
			paths++
			if _, err := os.Stat(root + m[1]); err != nil {
				t.Errorf("%s names %s: %v", document, m[1], err)
			}
		}
	}
	if paths < 60 {
		t.Errorf("%d paths are named", paths)
	}
	for folder := range mayImport {
		if folder != "." && !strings.HasPrefix(folder, "deploy/") && !strings.Contains(howItIsMade, "\n    "+folder+"/ ") {
			t.Errorf("the map has no line for %s", folder)
		}
	}
	var tests strings.Builder
	for _, s := range sources(t) {
		if s.isTest() {
			tests.WriteString(read(t, filepath.Join(root, s.folder, s.name)))
		}
	}
	for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(howItIsMade+contributing, -1) {
		if !strings.Contains(tests.String(), "\nfunc "+name) {
			t.Errorf("there is no %s", name)
		}
	}
}
