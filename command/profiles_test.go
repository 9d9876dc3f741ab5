package command

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dormant/client/profile"
	"dormant/client/sandbox"
)

func TestAPrintedProfileWorks(t *testing.T) {
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil, "profiles", system)
			p.wait(t)
			d := serve(t, system)
			r := d.run("audit", "DORMANT_PROFILE="+write(t, "mine.yaml", p.stdout.String()))
			sameIDs(t, "candidates", candidates(r.report), d.unused())
		})
	}
}

// TestProfileGuide follows the guide to profiles as a newcomer would: its profile
// grows from block to block, and check says just what the guide says.
func TestProfileGuide(t *testing.T) {
	guide, err := os.ReadFile(root + "client/profiles/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, address, err := (&app{Process: Process{Now: time.Now}}).serveSandbox(t.Context(), sandbox.Options{System: "acme", Seed: 1}, 12, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	environ := []string{
		"DORMANT_PROFILE=./acme.yaml", "DORMANT_URL=http://" + address.String(), "DORMANT_TOKEN=" + sandbox.DefaultToken, "DORMANT_INACTIVE_FOR=90d",
	}
	profile, checked := "", 0
	for _, block := range regexp.MustCompile("(?ms)^```(yaml|console)\n(.*?\n)```$").FindAllStringSubmatch(string(guide), -1) {
		if block[1] == "yaml" {
			profile = replaceSections(profile, block[2])
			continue
		}
		if err := os.WriteFile("acme.yaml", []byte(profile), 0o600); err != nil {
			t.Fatal(err)
		}
		command, want := "", block[2]
		for strings.HasPrefix(want, "$ ") {
			command, want, _ = strings.Cut(want, "\n")
			environ = setVariables(environ, command)
		}
		var out bytes.Buffer
		Main(t.Context(), Process{"dormant", strings.Fields(strings.TrimPrefix(command, "$ dormant ")), environ, nil, &out, &out, time.Now})
		got := "\n" + timeless(out.String())
		for part := range strings.SplitSeq(timeless(want), "…\n") {
			_, rest, found := strings.Cut(got, "\n"+part)
			if !found || strings.TrimSpace(part) == "" {
				t.Fatalf("%s, with\n%s\nsays:\n%s\nwant:\n%s", command, profile, out.String(), part)
			}
			got = "\n" + rest
		}
		checked++
	}
	if checked < 10 {
		t.Errorf("there are %d outputs in the guide", checked)
	}
}

// setVariables does what "$ export NAME=VALUE…" and "$ unset NAME…" say. Other commands
// change nothing.
func setVariables(environ []string, command string) []string {
	words := strings.Fields(command)
	if words[1] != "export" && words[1] != "unset" {
		return environ
	}
	for _, word := range words[2:] {
		name, _, _ := strings.Cut(word, "=")
		environ = slices.DeleteFunc(environ, func(s string) bool { return strings.HasPrefix(s, name+"=") })
		if words[1] == "export" {
			environ = append(environ, word)
		}
	}
	return environ
}

// replaceSections puts the sections of a YAML document into another one, in the
// place of those of the same name or at the end.
func replaceSections(document, sections string) string {
	section := regexp.MustCompile(`(?m)^(\w+):.*\n(?: .*\n|\n)*`)
	for _, s := range section.FindAllStringSubmatch(sections, -1) {
		old := regexp.MustCompile(`(?m)^` + s[1] + `:.*\n(?: .*\n|\n)*`)
		if place := old.FindStringIndex(document); place != nil {
			document = document[:place[0]] + s[0] + document[place[1]:]
		} else {
			document += s[0]
		}
	}
	return document
}

// timeless is a text without the times and the addresses that differ each time.
func timeless(text string) string {
	for pattern, with := range map[string]string{
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`: "0000-00-00T00:00:00Z",
		`\d{4}-\d\d-\d\d\b`:               "0000-00-00",
		`\d\d\.\d\d\.\d{4} \d\d:\d\d`:     "00.00.0000 00:00",
		`127\.0\.0\.1:\d+`:                "127.0.0.1:0",
		`[ \t]+\n`:                        "\n",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, with)
	}
	return text
}

// TestProfileKeys: the guide names every key that a profile can have.
func TestProfileKeys(t *testing.T) {
	guide, err := os.ReadFile(root + "client/profiles/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, reference, _ := strings.Cut(string(guide), "\n## All keys\n")
	for _, key := range keysOf(reflect.TypeFor[profile.Profile](), map[reflect.Type]bool{}) {
		if !regexp.MustCompile("`[^`\n]*\\b" + key + "\\b[^`\n]*`").MatchString(reference) {
			t.Errorf("the guide does not name %s", key)
		}
	}
}

// keysOf are the YAML keys of a struct and of what is in it.
func keysOf(t reflect.Type, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name != "" {
			keys = append(keys, name)
		}
		keys = append(keys, keysOf(f.Type, seen)...)
	}
	return keys
}
