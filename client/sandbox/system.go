package sandbox

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/goccy/go-yaml"
)

//go:embed systems/*.yaml
var files embed.FS

// Systems are the names of the systems that a sandbox can be, sorted.
func Systems() []string {
	entries, err := files.ReadDir("systems")
	if err != nil {
		panic(err) // embedded
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// system is how a directory looks from outside. It is one file of data.
type system struct {
	Title     string
	IDs       string   `yaml:"ids"`       // number or uuid
	Order     string   `yaml:"order"`     // of the listing: nothing (as added) or username
	Accepts   []string `yaml:"accepts"`   // headers that carry the token, as "Name: before {token}"
	Challenge string   `yaml:"challenge"` // the WWW-Authenticate of a 401
	Error     text     `yaml:"error"`     // of problem
	User      text     `yaml:"user"`      // of view; empty if the caller may not see the account
	Event     text     `yaml:"event"`     // of view
	Routes    []route  `yaml:"routes"`    // the first that matches counts
}

// route is a method and a path, and what a request to it does.
type route struct {
	Route     pattern `yaml:"route"`
	Does      string  `yaml:"does"`
	Anonymous bool    `yaml:"anonymous"` // needs no token
	Admin     bool    `yaml:"admin"`     // 403 for all others
	Requires  string  `yaml:"requires"`  // a header that is not empty; 400 otherwise
	Success   int     `yaml:"success"`   // 200 unless given
	Body      text    `yaml:"body"`

	Paging paging `yaml:"paging"` // list, events
	Status status `yaml:"status"` // list

	LastAdmin int `yaml:"last_admin"` // remove: the answer to the last administrator about oneself

	Fields map[string]text `yaml:"fields"` // sign_in: the JSON object that is needed, of signIn
	Life   time.Duration   `yaml:"life"`   // sign_in: of the token
}

// What a route can do.
const (
	doesList   = "list"
	doesEvents = "events"
	doesGet    = "get"
	doesSelf   = "self"
	doesRemove = "remove"
	doesSignIn = "sign_in"
)

// status is how a listing is narrowed to active or to disabled accounts. Any
// other value narrows it to nobody.
type status struct {
	Param, Default, Active, Disabled, All string
}

// lists tells which accounts the query asks for.
func (s status) lists(query url.Values) func(*account) bool {
	if s.Param == "" {
		return func(*account) bool { return true }
	}
	value := s.Default
	if query.Has(s.Param) {
		value = query.Get(s.Param)
	}
	return func(a *account) bool {
		return value == s.All || value == s.Active && !a.Disabled || value == s.Disabled && a.Disabled
	}
}

func loadSystem(name string) (*system, error) {
	if !slices.Contains(Systems(), name) {
		return nil, fmt.Errorf("there is no sandbox of %q: it is one of %s", name, strings.Join(Systems(), ", "))
	}
	source, err := files.ReadFile("systems/" + name + ".yaml")
	if err != nil {
		return nil, err
	}
	var s system
	if err := yaml.UnmarshalWithOptions(source, &s, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("system %s: %w", name, err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("system %s: %w", name, err)
	}
	return &s, nil
}

// check finds what would otherwise be a puzzle at run time.
func (s *system) check() error {
	var errs []error
	oneOf := func(what, value string, values ...string) {
		if !slices.Contains(values, value) {
			errs = append(errs, fmt.Errorf("%s is %q, not one of %q", what, value, values))
		}
	}
	oneOf("ids", s.IDs, numberIDs, uuidIDs)
	oneOf("order", s.Order, "", orderUsername)
	for _, r := range s.Routes {
		oneOf("does", r.Does, doesList, doesEvents, doesGet, doesSelf, doesRemove, doesSignIn)
		oneOf("style", r.Paging.Style, "", styleCursor, styleOffset)
		if r.Paging.Style == styleCursor && s.Order != "" {
			errs = append(errs, errors.New("cursors follow the order in which accounts were added"))
		}
	}
	return errors.Join(errs...)
}

// match finds the route of a request and the values of the path's placeholders.
func (s *system) match(r *http.Request) (*route, map[string]string) {
	for i := range s.Routes {
		if values, ok := s.Routes[i].Route.match(r); ok {
			return &s.Routes[i], values
		}
	}
	return nil, nil
}

// pattern is a method and a path such as "GET /users/{id}.json". A placeholder
// stands for at least one character and never for more than one segment.
type pattern string

func (p pattern) match(r *http.Request) (map[string]string, bool) {
	method, path, _ := strings.Cut(string(p), " ")
	want, got := strings.Split(path, "/"), strings.Split(r.URL.EscapedPath(), "/")
	if method != r.Method || len(want) != len(got) {
		return nil, false
	}
	values := map[string]string{}
	for i := range want {
		segment, err := url.PathUnescape(got[i])
		if err != nil {
			return nil, false
		}
		before, rest, placeholder := strings.Cut(want[i], "{")
		name, after, _ := strings.Cut(rest, "}")
		if !placeholder {
			if segment != want[i] {
				return nil, false
			}
			continue
		}
		value, ok := within(segment, before, after)
		if !ok || value == "" {
			return nil, false
		}
		values[name] = value
	}
	return values, true
}

// within is what stands in the text between before and after.
func within(text, before, after string) (string, bool) {
	text, starts := strings.CutPrefix(text, before)
	text, ends := strings.CutSuffix(text, after)
	return text, starts && ends
}

// text is a template of a response, or of a part of one.
type text struct{ *template.Template }

// UnmarshalYAML parses the template.
func (t *text) UnmarshalYAML(decode func(any) error) error {
	var source string
	if err := decode(&source); err != nil {
		return err
	}
	parsed, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(source)
	t.Template = parsed
	return err
}

func (t text) render(data any) (string, error) {
	if t.Template == nil {
		return "", nil
	}
	var b strings.Builder
	err := t.Execute(&b, data)
	return b.String(), err
}

// renderJSON renders a whole body, without the white space that makes a
// template readable. No body is fine.
func (t text) renderJSON(data any) ([]byte, error) {
	body, err := t.render(data)
	if err != nil || strings.TrimSpace(body) == "" {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(body)); err != nil {
		return nil, fmt.Errorf("the template makes no JSON: %w", err)
	}
	return compact.Bytes(), nil
}

var functions = template.FuncMap{
	"json": func(v any) (string, error) {
		var b strings.Builder
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(v)
		return b.String(), err
	},

	// time is a time as JSON, in RFC 3339 unless a layout is given. Null if zero.
	"time": func(t time.Time, layout ...string) string {
		if t.IsZero() {
			return "null"
		}
		return `"` + t.Format(append(layout, time.RFC3339)[0]) + `"`
	},

	// in is the time in a zone such as "-03:00".
	"in": func(t time.Time, offset string) (time.Time, error) {
		zone, err := time.Parse("-07:00", offset)
		return t.In(zone.Location()), err
	},

	// number is a number that stands for the name, wherever it comes up.
	"number": func(name string) uint32 {
		h := fnv.New32a()
		h.Write([]byte(name))
		return h.Sum32()%99_999 + 1
	},
}
