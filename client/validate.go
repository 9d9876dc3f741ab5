package client

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
)

// headerName is a token of RFC 9110, section 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// credentials are the placeholders that the configuration fills.
var credentials = []string{"token", "username", "password", "client_id", "client_secret"}

// reserved are headers that say where a request goes or what it does, which
// nothing but the request itself may say.
var reserved = []string{
	"host", "connection", "content-length", "transfer-encoding",
	"x-http-method", "x-http-method-override", "x-method-override",
}

// problems collects what is wrong with a profile, each with its line.
type problems struct {
	source []byte
	errs   []error
}

// add says what is wrong at a YAML path such as "list.cursor.param".
func (p *problems) add(path, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("line %d: %s: %s", p.line(path), path, fmt.Sprintf(format, args...)))
}

// plainPath is a path of which no part has a meaning of its own in a YAML path:
// parts of it are names that the profile's author chose.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// line is where the path stands in the source, or the nearest thing around it.
func (p *problems) line(path string) int {
	for ; path != ""; path = path[:max(0, strings.LastIndexByte(path, '.'))] {
		if !plainPath.MatchString(path) {
			continue
		}
		at, err := yaml.PathString("$." + path)
		if err != nil {
			continue
		}
		if node, err := at.ReadNode(bytes.NewReader(p.source)); err == nil && node != nil {
			return node.GetToken().Position.Line
		}
	}
	return 1
}

// validate reports all that is wrong with the profile.
func (p *Profile) validate(source []byte) error {
	v := &problems{source: source}
	known := append(slices.Sorted(maps.Keys(p.Params)), "actor")
	for _, name := range slices.Sorted(maps.Keys(p.Params)) {
		if slices.Contains(append(credentials, "actor", "id"), name) {
			v.add("params."+name, "the name is taken: the configuration fills {%s}", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		if !headerName.MatchString(name) {
			v.add("headers", "%q can't be the name of a header", name)
		}
		if slices.Contains(reserved, strings.ToLower(name)) {
			v.add("headers", "%q is not a profile's to set", name)
		}
		v.template("headers."+name, p.Headers[name], append(known, credentials...))
	}
	if s := p.SignIn; s != nil {
		v.path("sign_in.path", s.Path, known)
		v.required("sign_in.token", s.Token)
		for _, name := range slices.Sorted(maps.Keys(s.Body)) {
			v.template("sign_in.body."+name, s.Body[name], append(known, credentials[1:]...))
		}
	}
	v.listing("list", p.List, known)
	if p.Self != nil {
		v.path("self.path", p.Self.Path, known)
	}
	if p.Get != nil {
		v.account("get.path", p.Get.Path, known)
	}
	v.required("user.id", p.User.ID)
	v.login("user.last_login", p.User.LastLogin)
	v.account("remove.path", p.Remove.Path, known)
	v.codes("remove.success", p.Remove.Success, http.StatusOK, 299)
	v.codes("remove.gone", p.Remove.Gone, http.StatusBadRequest, 499)
	if a := p.Activity; a != nil {
		v.listing("activity", a.Listing, known)
		v.required("activity.account.path", a.Account.Path)
		v.required("activity.at", a.At)
	}
	return errors.Join(v.errs...)
}

func (p *problems) required(path, value string) {
	if value == "" {
		p.add(path, "is missing")
	}
}

// template checks that every placeholder is known.
func (p *problems) template(path string, t Template, known []string) {
	if strings.ContainsAny(placeholder.ReplaceAllString(string(t), ""), "{}") {
		p.add(path, "%q has a brace that belongs to no placeholder", string(t))
	}
	if strings.ContainsFunc(string(t), unicode.IsControl) {
		p.add(path, "%q has a line break or another control character in it", string(t))
	}
	for _, name := range t.names() {
		if !slices.Contains(known, name) {
			p.add(path, "the placeholder {%s} is unknown; known here: {%s}", name, strings.Join(known, "}, {"))
		}
	}
}

// path checks a template for the path of a URL.
func (p *problems) path(path string, t Template, known []string) {
	switch {
	case t == "":
		p.add(path, "is missing")
	case !strings.HasPrefix(string(t), "/"):
		p.add(path, "%q does not start with a slash", string(t))
	case strings.Contains(string(t), "//") || slices.ContainsFunc(strings.Split(string(t), "/"), func(s string) bool { return s == "." || s == ".." }):
		p.add(path, "%q has an empty segment, or one of dots", string(t))
	case strings.ContainsAny(string(t), "?#"):
		p.add(path, "%q has a query or a fragment; parameters go under query", string(t))
	}
	p.template(path, t, known)
}

// account checks a path that leads to one account.
func (p *problems) account(path string, t Template, known []string) {
	p.path(path, t, append([]string{"id"}, known...))
	if t != "" && !slices.Contains(t.names(), "id") {
		p.add(path, "%q leads to no account: {id} is missing", string(t))
	}
}

func (p *problems) listing(path string, l Listing, known []string) {
	p.path(path+".path", l.Path, known)
	for _, name := range slices.Sorted(maps.Keys(l.Query)) {
		p.template(path+".query."+name, l.Query[name], known)
	}
	if len(l.Items) == 0 || slices.Contains(l.Items, "") {
		p.add(path+".items", "is missing: where is the array of items in a response? (@this: the response is the array)")
	}
	if l.Cursor != nil && l.Offset != nil {
		p.add(path, "has both cursor and offset: a listing has one of them")
	}
	if l.Cursor != nil {
		p.required(path+".cursor.param", l.Cursor.Param)
		p.required(path+".cursor.next", l.Cursor.Next)
	}
	if l.Offset != nil {
		p.required(path+".offset.param", l.Offset.Param)
	}
	if l.Size != nil {
		p.required(path+".size.param", l.Size.Param)
		if l.Size.Default < 1 {
			p.add(path+".size.default", "%d is no size of a page: 1 or more", l.Size.Default)
		}
		if l.Cursor == nil && l.Offset == nil {
			p.add(path+".size", "there is no cursor and no offset, so there are no pages")
		}
	}
}

func (p *problems) login(path string, l LoginField) {
	for key, state := range map[string]string{"missing": l.Missing, "empty": l.Empty} {
		if _, ok := loginStates[state]; !ok {
			p.add(path+"."+key, "%q is none of absent, hidden, never", state)
		}
	}
	if len(l.Path) == 0 && (l.Missing != "" || l.Empty != "") || slices.Contains(l.Path, "") {
		p.add(path+".path", "is missing or empty")
	}
}

func (p *problems) codes(path string, codes []int, low, high int) {
	for _, code := range codes {
		if code < low || code > high {
			p.add(path, "%d is not within %d to %d", code, low, high)
		}
	}
}
