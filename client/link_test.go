package client

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestNextLink(t *testing.T) {
	for name, row := range map[string]struct {
		headers []string
		want    string
	}{
		"none":                          {nil, ""},
		"empty":                         {[]string{""}, ""},
		"one":                           {[]string{`</users?p=2>; rel="next"`}, "/users?p=2"},
		"unquoted":                      {[]string{`</2>;rel=next`}, "/2"},
		"unquoted, with another":        {[]string{`</2>;rel=next;title=x`}, "/2"},
		"in capitals":                   {[]string{`</2>; REL="NEXT"`}, "/2"},
		"white space":                   {[]string{"  < /2 > \t;\trel = \"next\" "}, "/2"},
		"an empty target":               {[]string{`<>; rel="next"`}, ""},
		"another relation":              {[]string{`</1>; rel="prev"`}, ""},
		"several in one":                {[]string{`</1>; rel="prev", </3>; rel="next", </9>; rel="last"`}, "/3"},
		"several headers":               {[]string{`</1>; rel="prev"`, `</3>; rel="next"`}, "/3"},
		"the first counts":              {[]string{`</3>; rel="next", </4>; rel="next"`}, "/3"},
		"several relations":             {[]string{`</3>; rel="last  next"`}, "/3"},
		"relations like it":             {[]string{`</3>; rel="next-page nextpage http://next"`}, ""},
		"the first rel counts":          {[]string{`</3>; rel="prev"; rel="next"`}, ""},
		"the first rel is next":         {[]string{`</3>; rel="next"; rel="prev"`}, "/3"},
		"other parameters before":       {[]string{`</3>; title="x"; type=a; rel="next"`}, "/3"},
		"a parameter without a value":   {[]string{`</3>; crossorigin; rel="next"`}, "/3"},
		"nothing between semicolons":    {[]string{`</3>;; rel="next"`}, "/3"},
		"no parameters":                 {[]string{`</3>`, `</4>; rel="next"`}, "/4"},
		"no parameters, in one":         {[]string{`</3>, </4>; rel="next"`}, "/4"},
		"a comma in the target":         {[]string{`</3?f=a,b;c>; rel="next"`}, "/3?f=a,b;c"},
		"a comma in quotes":             {[]string{`</3>; title="a, </evil>; rel=next"; rel="prev", </4>; rel="next"`}, "/4"},
		"a semicolon in quotes":         {[]string{`</3>; title="a; rel=prev"; rel="next"`}, "/3"},
		"a quote in quotes":             {[]string{`</3>; title="a \", </evil>; rel=\"next"; rel="prev"`}, ""},
		"a backslash in quotes":         {[]string{`</3>; title="a\\"; rel="next"`}, "/3"},
		"a rel with a backslash":        {[]string{`</3>; rel="n\ext"`}, "/3"},
		"rel of the other side":         {[]string{`</3>; rev="next"`}, ""},
		"rel in another name":           {[]string{`</3>; myrel="next"; relx=next`}, ""},
		"rel as a title":                {[]string{`</3>; title="rel=next"`}, ""},
		"a rel without a value":         {[]string{`</3>; rel`}, ""},
		"an empty rel":                  {[]string{`</3>; rel=""`}, ""},
		"no end of the target":          {[]string{`</3; rel="next"`}, ""},
		"no end of the quotes":          {[]string{`</3>; title="x; rel=next`}, ""},
		"no beginning of the target":    {[]string{`/3>; rel="next"`}, ""},
		"garbage":                       {[]string{`;,=<>"\`, "\x00\xff", `</3>; rel="next"`}, "/3"},
		"another garbage":               {[]string{`<<</3>; rel="next"`}, "<</3"},
		"a comma too much":              {[]string{`, </3>; rel="next",`}, "/3"},
		"parameter behind no semicolon": {[]string{`</3> rel="next"`}, ""},
	} {
		if got := nextLink(row.headers); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// FuzzNextLink finds the link with relation next among others, whatever its target and
// title.
func FuzzNextLink(f *testing.F) {
	for _, seed := range [][3]string{
		{"/users?p=2", "a", "next"}, {"", `"`, "prev next"}, {"https://x/,;=", `a, <evil>; rel="next"`, "NEXT"}, {"a b", `\`, "first"}, {"x", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	f.Fuzz(func(t *testing.T, target, title, rel string) {
		// Whatever it is, what comes out stood between angle brackets.
		if got := nextLink([]string{target, title, rel}); got != "" && !strings.Contains(strings.Join([]string{target, title, rel}, "\n"), got) {
			t.Fatalf("%q comes out of %q, %q, %q", got, target, title, rel)
		}
		if strings.Contains(target, ">") {
			return
		}
		isNext := false
		for _, relation := range strings.Fields(rel) {
			isNext = isNext || strings.EqualFold(relation, "next")
		}
		link := "<" + target + `>; title="` + quoted.Replace(title) + `"; rel="` + quoted.Replace(rel) + `"; rel="next"`
		want := "/behind"
		if isNext {
			want = strings.TrimSpace(target)
		}
		for _, headers := range [][]string{
			{`</before>; rel="prev"`, link, `</behind>; rel="next"`},
			{`</before>; rel="prev", ` + link + `, </behind>; rel=next`},
			{`</before>;rel=prev,` + link + `,</behind>;rel=next;title=x`},
		} {
			if got := nextLink(headers); got != want {
				t.Fatalf("%q: %q, want %q", headers, got, want)
			}
		}
	})
}

// TestNextURL: URLs of next pages come from the body or from a header.
func TestNextURL(t *testing.T) {
	other := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for name, row := range map[string]struct {
		next string // {here} and {other} are servers
		then string // what is asked for then
		err  string
	}{
		"a query":                 {"?p=2", "/users?p=2", ""},
		"blanks":                  {"?p=a b&q= c", "/users?p=a%20b&q=%20c", ""},
		"a slash at the end":      {"/prefix/users/?p=2", "/users/?p=2", ""},
		"another path":            {"/prefix/legacy/admin.php?do=purge", "", "next_paths"},
		"another path below":      {"/prefix/users/1/delete", "", "next_paths"},
		"outside of the prefix":   {"/users?p=2", "", "next_paths"},
		"a name that is allowed":  {"users2?p=2", "/users2?p=2", ""},
		"a path":                  {"/prefix/users?p=2", "/users?p=2", ""},
		"with dots":               {"../prefix/./users?p=2", "/users?p=2", ""},
		"absolute":                {"{here}/prefix/users?p=2", "/users?p=2", ""},
		"without the scheme":      {"//{host}/prefix/users?p=2", "/users?p=2", ""},
		"in capitals":             {"HTTP://{host}/prefix/users?p=2", "/users?p=2", ""},
		"with a fragment":         {"?p=2#top", "/users?p=2", ""},
		"escaped":                 {"?p=a%26b%3D%2F+c", "/users?p=a%26b%3D%2F+c", ""},
		"an escaped slash":        {"/prefix/users%2F2", "/users%2F2", ""},
		"no next one":             {"", "", ""},
		"itself":                  {"users", "", "circle"},
		"itself, absolute":        {"{here}/prefix/users", "", "circle"},
		"itself, by a fragment":   {"#top", "", "circle"},
		"another port":            {"{other}/prefix/users?p=2", "", "another origin"},
		"another host":            {"http://localhost:{port}/prefix/users?p=2", "", "another origin"},
		"another host, no scheme": {"//evil.test/users", "", "another origin"},
		"another scheme":          {"https://{host}/prefix/users?p=2", "", "another origin, where no credentials go: from {here} to https://{host}; the directory does not know by which URL"},
		"a name within":           {"http://inner.test:8080/prefix/users?p=2", "", "from {here} to http://inner.test:8080; if both are this directory, set its own public URL, or DORMANT_URL"},
		"a file":                  {"file:///etc/passwd", "", "another origin"},
		"a script":                {"javascript:alert(1)", "", "another origin"},
		"the host as a user":      {"http://{host}@evil.test/", "", "another origin"},
		"a user":                  {"http://ana:pw@{host}/prefix/users?p=2", "", "another origin"},
		"a user, no scheme":       {"//ana@{host}/prefix/users?p=2", "", "another origin"},
		"no URL":                  {"http://[::1/", "", "no URL"},
		"a broken escape":         {"/prefix/%zz", "", "no URL"},
		"no port":                 {"http://127.0.0.1/prefix/users?p=2", "", "another origin"},
	} {
		for where, listing := range map[string]string{"body": ", next: links.next, next_paths: [/users2, /users%2F2]", "header": ", next: {header: Link}, next_paths: [/users2/, /users%2F2]"} {
			t.Run(name+"/"+where, func(t *testing.T) {
				var s *server
				s = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.RequestURI != "/prefix/users" {
						http.Error(w, people(2, 2, ""), http.StatusOK)
						return
					}
					host := strings.TrimPrefix(s.URL, "http://")
					next := strings.NewReplacer("{here}", s.URL, "{host}", host, "{port}", host[strings.LastIndexByte(host, ':')+1:],
						"{other}", other.URL).Replace(row.next)
					if where == "header" && row.next != "" {
						w.Header()["Link"] = []string{`</prefix/first>; rel="first"`, "<" + next + `>; rel="next"`}
						next = "/prefix/not-this"
					}
					http.Error(w, people(1, 1, `,"links":{"next":"`+next+`"}`), http.StatusOK)
				}))
				users, err := all(t, s, connect(t, s, sketch(t, listing, "", ""), retries(0)))
				want, lines := "1", []string{"GET /users"}
				if row.then != "" {
					want, lines = "1 2", append(lines, "GET "+row.then)
				}
				if row.err != "" {
					host := strings.TrimPrefix(s.URL, "http://")
					wantError(t, err, "list users: page 1", strings.NewReplacer("{here}", s.URL, "{host}", host).Replace(row.err))
				} else if err != nil {
					t.Error(err)
				}
				if ids(users) != want {
					t.Errorf("got %s, want %s", ids(users), want)
				}
				s.wantRequests(t, lines...)
				for _, w := range s.seen() {
					wantHeaders(t, w, map[string]string{"Authorization": token})
				}
			})
		}
	}
	if seen := other.seen(); len(seen) > 0 {
		t.Errorf("the other server saw %s with %v", seen[0], seen[0].header)
	}
}

func TestNextInTheBody(t *testing.T) {
	for name, row := range map[string]struct {
		routes routes
		want   string
		err    []string
	}{
		"null":     {routes{"GET /users": people(1, 1, `,"next":null`)}, "1", nil},
		"empty":    {routes{"GET /users": people(1, 1, `,"next":""`)}, "1", nil},
		"missing":  {routes{"GET /users": people(1, 1, ``)}, "1", nil},
		"a number": {routes{"GET /users": people(1, 1, `,"next":2`)}, "1", []string{"page 1", "next is 2, not a URL", "line 1: list.next"}},
		"false":    {routes{"GET /users": people(1, 1, `,"next":false`)}, "1", []string{"page 1", "next is false, not a URL"}},
		"an object": {routes{"GET /users": people(1, 1, `,"next":{"href":"/prefix/users?p=2"}`)}, "1",
			[]string{"page 1", "next is an object, not a URL"}},
		"empty pages": {routes{"GET /users": people(1, 0, `,"next":"?p=2"`), "GET /users?p=2": people(1, 1, `,"next":"?p=3"`),
			"GET /users?p=3": people(1, 0, ``)}, "1", nil},
		"a circle": {routes{"GET /users": people(1, 1, `,"next":"?p=2"`), "GET /users?p=2": people(2, 2, `,"next":"?p=3"`),
			"GET /users?p=3": people(3, 3, `,"next":"/prefix/users?p=2"`)}, "1 2 3", []string{"page 3", "page 1", "circle"}},
		"back to the beginning": {routes{"GET /users": people(1, 1, `,"next":"?p=2"`), "GET /users?p=2": people(2, 2, `,"next":"users"`)},
			"1 2", []string{"circle"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			users, err := all(t, s, connect(t, s, sketch(t, ", next: next", "", "")))
			if row.err != nil {
				wantError(t, err, append(row.err, "list users")...)
			} else if err != nil {
				t.Error(err)
			}
			if ids(users) != row.want {
				t.Errorf("got %s, want %s", ids(users), row.want)
			}
		})
	}
}

// TestNextWithQuery: the first request has the query and the size; the others have
// only what the link says.
func TestNextWithQuery(t *testing.T) {
	s := serve(t, routes{
		"GET /users?limit=7&sort=id": status(200, people(1, 1, ""), "Link", `<users?after=1>; rel="next"`),
		"GET /users?after=1":         people(2, 2, ""),
	})
	p := sketch(t, `, query: {sort: id}, next: {header: Link}, size: {param: limit, default: 5, max: 9}`, "", "")
	if users, err := all(t, s, connect(t, s, p, func(o *Options) { o.PageSize = 7 })); err != nil || ids(users) != "1 2" {
		t.Errorf("%s, %v", ids(users), err)
	}
}

// TestNextThroughTheGate: the gate refuses another origin even if the pager does not.
func TestNextThroughTheGate(t *testing.T) {
	other := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s := serve(t, routes{})
	c := connect(t, s, sketch(t, "", "", ""))
	p := &pagination{client: c, operation: opList, listing: c.profile.List, key: "list"}
	_, err := p.fetch(t.Context(), 2, pageRequest{url: must(url.Parse(other.URL + "/prefix/users"))}, nil)
	if s.heard(err); !errors.Is(err, errOtherOrigin) || len(other.seen()) > 0 {
		t.Error(err, other.lines())
	}
}
