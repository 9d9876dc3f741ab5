package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// request is what is asked for, as templates see it.
type request struct {
	Caller  User // zero without a token
	Account User // whom the path names; zero if nobody
	Self    bool // Account is the caller

	// LastAdmin: Account is an administrator, and no other is active.
	LastAdmin bool

	Now      time.Time
	URL      string // without the query
	Base     string // URL without the path that the system knows
	Secret   string
	ClientID string

	WithLastLogin bool

	r      *http.Request
	query  url.Values
	path   map[string]string
	media  string // the body's Content-Type
	body   any    // nil if there is none
	broken string // why it can't be read
}

// read is the request without what it is about.
func (s *Server) read(r *http.Request) *request {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	// Whoever serves the sandbox under a prefix has taken that off the path.
	whole, _, _ := strings.Cut(r.RequestURI, "?")
	prefix, found := strings.CutSuffix(whole, r.URL.EscapedPath())
	if !found || strings.Contains(prefix, "://") {
		prefix = ""
	}
	q := &request{
		Now: time.Now(), Base: scheme + r.Host + prefix, Secret: s.options.Secret, ClientID: s.options.ClientID,
		WithLastLogin: s.options.WithLastLogin, r: r, query: r.URL.Query(),
	}
	q.URL = q.Base + r.URL.EscapedPath()
	return q
}

const form = "application/x-www-form-urlencoded"

// parse reads the body: a form as an object of texts, everything else as JSON.
func (q *request) parse() {
	q.media, _, _ = mime.ParseMediaType(q.r.Header.Get("Content-Type"))
	source, err := io.ReadAll(io.LimitReader(q.r.Body, 1<<20))
	switch {
	case err != nil || len(bytes.TrimSpace(source)) == 0:
	case q.media == form:
		var values url.Values
		values, err = url.ParseQuery(string(source))
		fields := map[string]any{}
		for name := range values {
			fields[name] = values.Get(name)
		}
		q.body = fields
	default:
		q.body, err = parseJSON(source)
	}
	if err != nil {
		q.broken = "the body can't be read: " + err.Error()
	}
}

// parseJSON keeps numbers as they are written.
func parseJSON(source []byte) (any, error) {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one value")
	}
	return value, nil
}

// Query is a parameter. The default is for one that is absent.
func (q *request) Query(name string, or ...string) string {
	if !q.query.Has(name) {
		return first(or)
	}
	return q.query.Get(name)
}

// Header is a header.
func (q *request) Header(name string) string { return strings.TrimSpace(q.r.Header.Get(name)) }

// Path is what stands for a placeholder.
func (q *request) Path(name string) string { return q.path[name] }

// Body is the member of the body at a dotted path, nil if there is none.
func (q *request) Body(path string) any {
	value := q.body
	if path == "" {
		return value
	}
	for name := range strings.SplitSeq(path, ".") {
		switch inside := value.(type) {
		case map[string]any:
			value = inside[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(inside) {
				return nil
			}
			value = inside[i]
		default:
			return nil
		}
	}
	return value
}

// parameter is one of a listing, empty if it is absent.
func (q *request) parameter(p paging, name string) string {
	if p.In != inBody {
		return q.query.Get(name)
	}
	if value := q.Body(name); name != "" && value != nil {
		return fmt.Sprint(value)
	}
	return ""
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// want is what a body has to hold at least.
type want struct{ value any }

// UnmarshalYAML parses the templates in it.
func (w *want) UnmarshalYAML(decode func(any) error) error {
	var written any
	if err := decode(&written); err != nil {
		return err
	}
	encoded, err := json.Marshal(written)
	if err != nil {
		return err
	}
	value, err := parseJSON(encoded)
	if err != nil {
		return err
	}
	w.value, err = withTemplates(value)
	return err
}

func withTemplates(value any) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			compiled, err := withTemplates(member)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			value[name] = compiled
		}
	case []any:
		for i, element := range value {
			compiled, err := withTemplates(element)
			if err != nil {
				return nil, err
			}
			value[i] = compiled
		}
	case string:
		if strings.Contains(value, "{{") {
			return parseText(value)
		}
	}
	return value, nil
}

// mismatch is why the body is not what is wanted, or nothing.
func (w want) mismatch(q *request) (string, error) {
	if w.value == nil {
		return "", nil
	}
	return mismatch("the body", w.value, q.body, q)
}

func mismatch(at string, wanted, given any, q *request) (string, error) {
	no := at + " is not as it has to be"
	switch wanted := wanted.(type) {
	case map[string]any:
		object, ok := given.(map[string]any)
		if !ok {
			return at + " is no object", nil
		}
		for name, member := range wanted {
			value, there := object[name]
			if !there {
				return name + " is missing", nil
			}
			if why, err := mismatch(name, member, value, q); why != "" || err != nil {
				return why, err
			}
		}
	case []any:
		array, ok := given.([]any)
		if !ok || len(array) != len(wanted) {
			return no, nil
		}
		for i, element := range wanted {
			if why, err := mismatch(at, element, array[i], q); why != "" || err != nil {
				return why, err
			}
		}
	case text:
		needed, err := wanted.render(q)
		switch given.(type) {
		case string, json.Number, bool:
			if err == nil && fmt.Sprint(given) == needed {
				return "", nil
			}
		}
		return no, err
	default:
		if !same(wanted, given) {
			return no, nil
		}
	}
	return "", nil
}
