package sandbox

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
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

// Params are what a profile of the system has to be told to fit its sandbox;
// {url} stands for the sandbox's own.
func Params(name string) map[string]string {
	s, err := loadSystem(name)
	if err != nil {
		return nil
	}
	return s.Params
}

// system is how a directory looks from outside. It is one file of data.
type system struct {
	Title    string
	IDs      ids                `yaml:"ids"`
	Params   map[string]string  `yaml:"params"`   // see Params
	Order    string             `yaml:"order"`    // of the listing: nothing (as added) or username
	App      bool               `yaml:"app"`      // tokens belong to nobody in the directory
	Accepts  []string           `yaml:"accepts"`  // headers that let in, as "Name: before {token}" or {basic}
	Requires map[string]text    `yaml:"requires"` // headers that are needed beside, of request; empty: any value
	Refuse   []refusal          `yaml:"refuse"`
	Headers  map[string]text    `yaml:"headers"` // of every answer, of what its body is of
	Error    text               `yaml:"error"`   // of problem
	Errors   map[string]failure `yaml:"errors"`  // by kind
	User     text               `yaml:"user"`    // of view; empty if the caller may not see the account
	Event    text               `yaml:"event"`   // of happening
	Routes   []route            `yaml:"routes"`  // the first that matches counts
}

// route is a method and a path, and what a request to it does.
type route struct {
	Route     pattern            `yaml:"route"`
	When      condition          `yaml:"when"` // of request; the route does not match otherwise
	Does      string             `yaml:"does"`
	Anonymous bool               `yaml:"anonymous"` // needs no token
	Admin     bool               `yaml:"admin"`     // forbidden for all others
	Requires  map[string]text    `yaml:"requires"`
	Takes     []string           `yaml:"takes"` // media types of the body; any unless given
	Wants     want               `yaml:"wants"`
	Refuse    []refusal          `yaml:"refuse"` // of page for list and events, of request for others
	Errors    map[string]failure `yaml:"errors"`
	Set       map[string]text    `yaml:"set"`     // update, remove: what changes, of request
	Success   int                `yaml:"success"` // 200 unless given
	Headers   map[string]text    `yaml:"headers"`
	Body      text               `yaml:"body"`
	Item      text               `yaml:"item"` // instead of the system's User or Event

	Paging paging    `yaml:"paging"` // list, events
	Where  condition `yaml:"where"`  // list, events: which ones, of view or happening
	Keyed  text      `yaml:"keyed"`  // list, events: the keys, if the items are an object

	Kinds     []string      `yaml:"kinds"`     // events: all unless given
	Retention time.Duration `yaml:"retention"` // events: how long they are kept; 0: for good
	Newest    bool          `yaml:"newest"`    // events: first

	Life      time.Duration   `yaml:"life"`      // sign_in: of the token
	Assertion map[string]text `yaml:"assertion"` // sign_in: the claims of the JWT that is needed
}

// What a route can do.
const (
	doesList   = "list"
	doesEvents = "events"
	doesGet    = "get"
	doesSelf   = "self"
	doesRemove = "remove"
	doesUpdate = "update"
	doesSignIn = "sign_in"
	doesAnswer = "answer"
)

func loadSystem(name string) (*system, error) {
	if !slices.Contains(Systems(), name) {
		return nil, fmt.Errorf("there is no sandbox of %q: it is one of %s", name, strings.Join(Systems(), ", "))
	}
	source, err := files.ReadFile("systems/" + name + ".yaml")
	if err != nil {
		return nil, err
	}
	return parseSystem(name, source)
}

func parseSystem(name string, source []byte) (*system, error) {
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
	kinds := func(failures map[string]failure) {
		for kind := range failures {
			oneOf("the kind of an error", kind, kindsOfErrors()...)
		}
	}
	refusals := func(refuse []refusal) {
		for _, r := range refuse {
			oneOf("error", r.Error, append(kindsOfErrors(), "")...)
			if !r.When.given() {
				errs = append(errs, errors.New("refuse needs when"))
			}
		}
	}
	if s.IDs == (ids{}) {
		errs = append(errs, errors.New("ids is missing"))
	}
	oneOf("order", s.Order, "", orderUsername)
	kinds(s.Errors)
	refusals(s.Refuse)
	for _, r := range s.Routes {
		oneOf("does", r.Does, doesList, doesEvents, doesGet, doesSelf, doesRemove, doesUpdate, doesSignIn, doesAnswer)
		kinds(r.Errors)
		refusals(r.Refuse)
		p := r.Paging
		oneOf("style", p.Style, "", stylePage, styleOffset, styleCursor)
		oneOf("in", p.In, "", inBody)
		oneOf("cursor", p.Cursor, "", cursorNumber, cursorOpaque, cursorID)
		switch {
		case p.Style == styleCursor && p.Cursor != cursorID && r.Does == doesList && s.Order != "":
			errs = append(errs, errors.New("such cursors follow the order in which accounts were added"))
		case p.Cursor == cursorID && r.Does == doesEvents:
			errs = append(errs, errors.New("an entry has no id for a cursor"))
		case (r.Does == doesGet || r.Does == doesRemove || r.Does == doesUpdate) && r.Route.account() == "":
			errs = append(errs, fmt.Errorf("%s names no account", r.Route))
		case r.Does == doesUpdate && len(r.Set) == 0:
			errs = append(errs, fmt.Errorf("%s sets nothing", r.Route))
		case r.Does == doesSignIn && r.Life <= 0:
			errs = append(errs, fmt.Errorf("%s needs a life", r.Route))
		}
	}
	return errors.Join(errs...)
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

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// account is the placeholder that says which account it is about, if any does.
func (p pattern) account() string {
	var names []string
	for _, found := range placeholder.FindAllStringSubmatch(string(p), -1) {
		names = append(names, found[1])
	}
	for _, name := range []string{byID, byUsername, byEmail} {
		if slices.Contains(names, name) {
			return name
		}
	}
	return first(names)
}

// within is what stands in the text between before and after.
func within(text, before, after string) (string, bool) {
	text, starts := strings.CutPrefix(text, before)
	text, ends := strings.CutSuffix(text, after)
	return text, starts && ends
}
