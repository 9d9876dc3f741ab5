package profile

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
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

// validate reports all that is wrong with the profile.
func (p *Profile) validate() error {
	v := &problems{source: p.source}
	known := append(append(keys(p.Params), keys(p.Extras)...), "actor")
	v.placeholders(p)
	v.defaults(p.Params)
	v.headers("headers", p.Headers, append(append(known, credentials...), "basic"))
	if p.SignIn != nil {
		v.signIn(p.SignIn, known)
	}
	if limit := p.RateLimit; limit != nil {
		if limit.Reset == "" && limit.Also == nil {
			v.add("rate_limit", "says nothing: reset and also are known")
		}
		if limit.Also != nil {
			v.codes("rate_limit.also.code", []int{limit.Also.Code}, http.StatusBadRequest, 599)
			v.condition("rate_limit.also.if", &limit.Also.If)
		}
	}
	v.listing("list", p.List, known)
	if len(p.List.Items) == 0 {
		v.noItems("list")
	}
	if p.Self != nil {
		v.path("self.path", p.Self.Path, known)
		v.jsonPaths("self.item", p.Self.Item...)
		v.jsonPaths("self.id", p.Self.ID)
	}
	v.account, v.known = p.User.Names(), known
	for i, g := range p.Get {
		at := fmt.Sprintf("get[%d]", i)
		v.listing(at, g.Listing, v.all())
		v.leads(at+".path", append(slices.Collect(maps.Values(g.Query)), g.Path)...)
		v.jsonPaths(at+".item", g.Item...)
		if g.Method != "" || !g.Body.IsZero() {
			v.add(at+".method", "one account is read by GET")
		}
		if g.Items == nil && (g.Collect || g.Keyed || g.None != "" || g.Only != nil || g.Total != nil || g.Limit != 0) {
			v.noItems(at)
		}
		if g.Collect && g.As == "" {
			v.add(at+".as", "is missing: what are the items called that are collected?")
		}
		if g.Items != nil && !g.Collect && p.User.ID == keyPath {
			v.add(at+".items", "finds an account by user.id, and items of an array have no names")
		}
		if g.Item != nil && g.Items != nil {
			v.add(at, "has both item and items: the account is in one of them")
		}
		if g.As != "" && i == 0 {
			v.add(at+".as", "the first GET returns the account itself")
		}
		v.missing(at, g.Missing)
	}
	v.user(p.User, p.List.Keyed, known)
	v.steps("remove", p.Remove)
	if len(p.Remove) == 0 {
		v.add("remove.path", "is missing")
	}
	v.steps("disable", p.Disable)
	if len(p.Disable) > 1 {
		v.add("disable", "has %d steps: once the first has disabled an account, nobody would come back for the others", len(p.Disable))
	}
	if len(p.Disable) > 0 && len(p.User.Disabled) == 0 {
		v.add("user.disabled", "is missing: where does the directory show what disable does?")
	}
	for i, s := range p.Activity {
		v.activity(fmt.Sprintf("activity[%d]", i), s)
	}
	return errors.Join(v.errs...)
}

// placeholders checks the names that the profile gives.
func (p *problems) placeholders(profile *Profile) {
	taken := slices.Concat(credentials, accountNames, []string{"actor", "basic", "assertion", "url"})
	for path, names := range map[string][]string{
		"params": keys(profile.Params), "extras": keys(profile.Extras), "user.extra": keys(profile.User.Extra),
	} {
		for _, name := range names {
			switch _, isParam := profile.Params[name]; {
			case slices.Contains(taken, name):
				p.add(path+"."+name, "the name is taken: {%s} stands for something else", name)
			case path != "params" && isParam:
				p.add(path+"."+name, "is among params as well")
			case path == "user.extra" && profile.Extras[name] != "":
				p.add(path+"."+name, "is among extras as well")
			case path == "extras" && profile.Extras[name] == "":
				p.add(path+"."+name, "does not say what it destroys")
			}
		}
	}
}

// defaults checks what params stand for if nothing is given: text, or another
// param with a plain default.
func (p *problems) defaults(params map[string]*string) {
	for _, name := range keys(params) {
		if params[name] == nil {
			continue
		}
		var plain []string
		for _, other := range keys(params) {
			if params[other] == nil || !strings.Contains(*params[other], "{") {
				plain = append(plain, other)
			}
		}
		p.template("params."+name, Template(*params[name]), plain)
	}
}

func (p *problems) headers(path string, headers map[string]Template, known []string) {
	for _, name := range keys(headers) {
		if !headerName.MatchString(name) {
			p.add(path, "%q can't be the name of a header", name)
		}
		if slices.Contains(reserved, strings.ToLower(name)) {
			p.add(path, "%q is not a profile's to set", name)
		}
		p.template(path+"."+name, headers[name], known)
	}
}

func (p *problems) signIn(s *SignIn, known []string) {
	secrets := slices.Concat(known, credentials[1:])
	switch {
	case s.URL == "":
		p.path("sign_in.path", s.Path, known)
	case s.Path != "":
		p.add("sign_in", "has both path and url: it goes to one of them")
	default:
		p.template("sign_in.url", s.URL, known)
	}
	if (s.JSON == nil) == (s.Form == nil) {
		p.add("sign_in", "needs body or form, one of the two")
	}
	if s.Assertion != nil {
		secrets = append(secrets, "assertion")
	}
	for path, fields := range map[string]map[string]Template{"sign_in.body": s.JSON, "sign_in.form": s.Form} {
		for _, name := range keys(fields) {
			p.template(path+"."+name, fields[name], secrets)
		}
	}
	for _, name := range keys(s.Assertion) {
		p.template("sign_in.assertion."+name, s.Assertion[name], append(known, "client_id", "url"))
	}
	if s.Assertion != nil && !s.names("assertion") {
		p.add("sign_in.assertion", "is not sent: {assertion} is missing")
	}
	p.required("sign_in.token", s.Token)
	p.jsonPaths("sign_in.token", s.Token)
	p.jsonPaths("sign_in.expires_in", s.ExpiresIn)
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
	for _, name := range t.Names() {
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

func (p *problems) query(path string, query map[string]Template, known []string) {
	for _, name := range keys(query) {
		p.template(path+"."+name, query[name], known)
	}
}

// leads checks that one of the templates says which account it is about.
func (p *problems) leads(path string, templates ...Template) {
	for _, t := range templates {
		if slices.ContainsFunc(t.Names(), func(name string) bool { return slices.Contains(p.account, name) }) {
			return
		}
	}
	p.add(path, "leads to no account: {id} is missing")
}

// jsonPaths checks paths into JSON documents.
func (p *problems) jsonPaths(path string, paths ...string) {
	for _, text := range paths {
		if strings.HasPrefix(text, "@") && text != "@this" && text != keyPath {
			p.add(path, `%q begins with an @, which means something in a path; a name that begins so is written '\%s'`, text, text)
		}
		if index := elementAt.FindStringSubmatch(text); index != nil {
			p.add(path, "%q: an element of an array is written .%s", text, index[1])
		}
		if text != strings.TrimSpace(text) || strings.HasPrefix(text, "$") {
			p.add(path, "%q is no path: it is the names on the way, such as data.users", text)
		}
	}
}

// elementAt is how other languages of paths write an element of an array.
var elementAt = regexp.MustCompile(`\[(\d+)\]`)

func (p *problems) condition(path string, c *Condition) {
	if c == nil {
		return
	}
	if c.wrong != nil {
		p.add(path+".in", "%v", c.wrong)
	}
	p.required(path+".path", c.Path)
	p.jsonPaths(path+".path", c.Path)
	if strings.Count(c.Path, ".#") > 1 {
		p.add(path+".path", "%q goes into arrays of arrays, of which the elements are no texts", c.Path)
	}
}

func (p *problems) listing(path string, l Listing, known []string) {
	p.path(path+".path", l.Path, known)
	p.query(path+".query", l.Query, known)
	for _, t := range l.Body.Texts() {
		p.template(path+".body", t, known)
	}
	switch l.Method {
	case "", http.MethodGet:
		if l.Body.root != nil {
			p.add(path+".body", "a GET has no body; method: POST is needed")
		}
	case http.MethodPost:
		if l.Body.root == nil {
			p.add(path+".body", "is missing: a listing by POST says in it what it asks for; {} asks for all")
		}
		if _, ok := l.Body.root.(map[string]any); !ok && l.Body.root != nil && (l.Page != nil || l.Offset != nil || l.Cursor != nil || l.Size != nil) {
			p.add(path+".body", "is no object, so the parameters of pages have no place in it")
		}
	default:
		p.add(path+".method", "%q is not GET or POST", l.Method)
	}
	if slices.Contains(l.Items, "") || len(l.Items) == 0 && l.Paged() {
		p.noItems(path)
	}
	p.jsonPaths(path+".items", l.Items...)
	p.paging(path, l)
	p.jsonPaths(path+".none", l.None)
	p.condition(path+".only", l.Only)
	if l.Total != nil {
		p.found(path+".total", *l.Total)
	}
	if l.Limit < 0 {
		p.add(path+".limit", "%d is no number of items", l.Limit)
	}
}

func (p *problems) noItems(path string) {
	p.add(path+".items", "is missing: where is the array of items in a response? (@this: the response is the array)")
}

// paging checks how a listing gets from page to page.
func (p *problems) paging(path string, l Listing) {
	var styles []string
	style := func(name string, there bool) {
		if there {
			styles = append(styles, name)
		}
	}
	style("page", l.Page != nil)
	style("offset", l.Offset != nil)
	style("cursor", l.Cursor != nil)
	style("next", l.Next != nil)
	style("after", l.After != nil)
	for _, name := range keys(l.After) {
		p.required(path+".after."+name, l.After[name])
		p.jsonPaths(path+".after."+name, l.After[name])
	}
	if len(styles) > 1 {
		p.add(path, "has both %s: a listing has one of them", strings.Join(styles, " and "))
	}
	if l.Page != nil {
		p.required(path+".page.param", l.Page.Param)
		if l.Page.First == nil || *l.Page.First < 0 || *l.Page.First > 1 {
			p.add(path+".page.first", "has to be 0 or 1: the number of the first page")
		}
	}
	if o := l.Offset; o != nil {
		p.required(path+".offset.param", o.Param)
		if o.First < 0 || o.First > 1 {
			p.add(path+".offset.first", "%d is not 0 or 1, the offset of the first item", o.First)
		}
		if o.Step != "" && o.Step != "items" && o.Step != StepSize {
			p.add(path+".offset.step", "%q is not items or size", o.Step)
		}
		if o.Step == StepSize && (l.Size == nil || l.Size.Max == 0) {
			p.add(path+".offset.step", "is the size of a page, and size.max is missing: what the directory cuts off a larger page would be skipped")
		}
	}
	if l.Cursor != nil {
		p.required(path+".cursor.param", l.Cursor.Param)
		p.required(path+".cursor.next", l.Cursor.Next)
		p.jsonPaths(path+".cursor.next", l.Cursor.Next)
	}
	if l.Next != nil {
		p.found(path+".next", *l.Next)
		if l.Method == http.MethodPost {
			p.add(path+".next", "a listing by POST has no URLs of pages")
		}
	}
	if l.Size != nil {
		p.required(path+".size.param", l.Size.Param)
		if l.Size.Default < 1 {
			p.add(path+".size.default", "%d is no size of a page: 1 or more", l.Size.Default)
		}
		if l.Size.Max != 0 && l.Size.Max < l.Size.Default {
			p.add(path+".size.max", "%d is less than the default, %d", l.Size.Max, l.Size.Default)
		}
		if len(styles) == 0 && l.Limit == 0 {
			p.add(path+".size", "there is no page, offset, cursor, next or after, so there are no pages")
		}
	}
}

func (p *problems) found(path string, f Found) {
	if (f.Path == "") == (f.Header == "") {
		p.add(path, "is a path, or header: with the name of one")
	}
	p.jsonPaths(path, f.Path)
}

func (p *problems) user(f Fields, keyed bool, known []string) {
	p.required("user.id", f.ID)
	if f.ID == keyPath && !keyed {
		p.add("user.id", "is the name of a member, and list.items is no object (list.keyed)")
	}
	needed, optional := f.paths()
	for _, fields := range []map[string]Paths{needed, optional} {
		for _, field := range keys(fields) {
			p.jsonPaths("user."+field, fields[field]...)
		}
	}
	for _, name := range keys(f.Extra) {
		p.required("user.extra."+name, f.Extra[name])
		p.jsonPaths("user.extra."+name, f.Extra[name])
	}
	for _, field := range f.Optional {
		if optional[field] == nil {
			p.add("user.optional", "%q is none of the fields under user", field)
		}
	}
	for field, flag := range map[string]Flag{"admin": f.Admin, "service_account": f.ServiceAccount, "disabled": f.Disabled} {
		for _, c := range flag {
			p.condition("user."+field, &c)
		}
	}
	if f.Roles.Missing != "" && f.Roles.Missing != rolesNone {
		p.add("user.roles.missing", "%q is not none", f.Roles.Missing)
	}
	if f.Created != nil {
		p.moment("user.created", *f.Created, known)
	}
	l := f.LastLogin
	for key, state := range map[string]string{"missing": l.Missing, "empty": l.Empty} {
		if _, ok := loginStates[state]; !ok {
			p.add("user.last_login."+key, "%q is none of absent, hidden, never", state)
		}
	}
	p.condition("user.last_login.never_if", l.NeverIf)
	if len(l.Path) > 0 || l.Missing != "" || l.Empty != "" || l.Layout != "" {
		p.moment("user.last_login", Moment{l.Path, l.Layout, l.Zone}, known)
	}
}

// layout is what a layout has to have to say a date.
var layout = []string{"YYYY", "MM", "DD"}

func (p *problems) moment(path string, m Moment, known []string) {
	if len(m.Path) == 0 || slices.Contains(m.Path, "") {
		p.add(path+".path", "is missing or empty")
	}
	p.jsonPaths(path, m.Path...)
	p.template(path+".zone", m.Zone, known)
	for _, part := range layout {
		if m.Layout != "" && strings.Count(m.Layout, part) != 1 {
			p.add(path+".layout", "%q: YYYY, MM and DD are needed, once each; HH, mm, ss and ZZ (+01:00 without the colon) are known as well", m.Layout)
			break
		}
	}
}

func (p *problems) missing(path string, m Missing) {
	p.codes(path+".gone", m.Gone, http.StatusBadRequest, 499)
	p.condition(path+".gone_if", m.GoneIf)
}

// methods are those that change something.
var methods = []string{http.MethodDelete, http.MethodPost, http.MethodPut, http.MethodPatch}

func (p *problems) steps(path string, steps Steps) {
	for i, s := range steps {
		at := fmt.Sprintf("%s[%d]", path, i)
		if s.Method != "" && !slices.Contains(methods, s.Method) || s.Method == "" && path != "remove" {
			p.add(at+".method", "%q is none of %s", s.Method, strings.Join(methods, ", "))
		}
		p.path(at+".path", s.Path, p.all())
		p.query(at+".query", s.Query, p.all())
		p.headers(at+".headers", s.Headers, p.all())
		templates := append(s.Body.Texts(), s.Path)
		for _, name := range keys(s.Query) {
			templates = append(templates, s.Query[name])
		}
		for _, t := range s.Body.Texts() {
			p.template(at+".body", t, p.all())
		}
		p.query(at+".form", s.Form, p.all())
		if s.Form != nil && s.Body.root != nil {
			p.add(at, "has both body and form: it sends one of them")
		}
		templates = append(templates, slices.Collect(maps.Values(s.Form))...)
		p.leads(at+".path", templates...)
		p.codes(at+".success", s.Success, http.StatusOK, 299)
		p.condition(at+".success_if", s.SuccessIf)
		p.missing(at, s.Missing)
	}
}

func (p *problems) codes(path string, codes []int, low, high int) {
	for _, code := range codes {
		if code < low || code > high {
			p.add(path, "%d is not within %d to %d", code, low, high)
		}
	}
}

func (p *problems) activity(path string, s Source) {
	known := p.known
	if s.Own(p.account) {
		known = p.all()
		if s.Method == http.MethodPost && slices.ContainsFunc(s.Path.Names(), func(name string) bool { return slices.Contains(p.account, name) }) {
			p.add(path+".path", "a listing by POST names the account in its body")
		}
	} else {
		p.required(path+".account.path", s.Account.Path)
		if len(s.Items) == 0 {
			p.noItems(path)
		}
	}
	p.listing(path, s.Listing, known)
	p.jsonPaths(path+".account.path", s.Account.Path)
	if !slices.Contains([]string{"", "id", "username", "email"}, s.Account.By) {
		p.add(path+".account.by", "%q is none of id, username, email", s.Account.By)
	}
	p.moment(path+".at", s.At, known)
	p.template(path+".coverage", s.Coverage, known)
	if len(s.Coverage.Names()) == 0 && !slices.Contains([]string{"", CoverageNone, CoverageLife, CoverageLog, CoverageComplete}, string(s.Coverage)) {
		p.add(path+".coverage", "%q is none of life, log, complete, none", string(s.Coverage))
	}
}
