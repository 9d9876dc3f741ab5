package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// text is a template of a response, or of a part of one.
type text struct{ *template.Template }

func parseText(source string) (text, error) {
	parsed, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(source)
	return text{parsed}, err
}

// UnmarshalYAML parses the template.
func (t *text) UnmarshalYAML(decode func(any) error) error {
	var source any
	err := decode(&source)
	if err != nil {
		return err
	}
	if source == nil {
		source = ""
	}
	*t, err = parseText(fmt.Sprint(source))
	return err
}

// given reports whether there is a template, be it an empty one.
func (t text) given() bool { return t.Template != nil }

func (t text) render(data any) (string, error) {
	if !t.given() {
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

// condition is a template's expression, without braces.
type condition struct{ text }

// UnmarshalYAML parses the expression.
func (c *condition) UnmarshalYAML(decode func(any) error) error {
	var source any
	err := decode(&source)
	if err != nil {
		return err
	}
	c.text, err = parseText(fmt.Sprintf("{{if %v}}true{{end}}", source))
	return err
}

// holds reports whether the expression is true. Without one, it is not.
func (c condition) holds(data any) (bool, error) {
	rendered, err := c.render(data)
	return rendered != "", err
}

var functions = template.FuncMap{
	"json":   encode,
	"is":     same,
	"int":    integer,
	"add":    func(a, b any) int { return integer(a) + integer(b) },
	"sub":    func(a, b any) int { return integer(a) - integer(b) },
	"mul":    func(a, b any) int { return integer(a) * integer(b) },
	"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"path":   pathOf,

	"lower":     strings.ToLower,
	"upper":     strings.ToUpper,
	"replace":   strings.ReplaceAll,
	"split":     strings.Split,
	"hasPrefix": strings.HasPrefix,
	"hasSuffix": strings.HasSuffix,
	"contains":  strings.Contains,

	"div": func(a, b any) (int, error) {
		if integer(b) == 0 {
			return 0, fmt.Errorf("%v is divided by 0", a)
		}
		return integer(a) / integer(b), nil
	},

	// in reports whether v is one of the others.
	"in": func(v any, others ...any) bool {
		for _, other := range others {
			if same(v, other) {
				return true
			}
		}
		return false
	},

	// time is a time as JSON, in RFC 3339 unless a layout is given. Null if zero.
	"time": func(t time.Time, layout ...string) string {
		if t.IsZero() {
			return "null"
		}
		return `"` + t.Format(append(layout, time.RFC3339)[0]) + `"`
	},

	// zone is the time in a zone such as "-03:00".
	"zone": func(t time.Time, offset string) (time.Time, error) {
		zone, err := time.Parse("-07:00", offset)
		return t.In(zone.Location()), err
	},

	"epoch": func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	},
	"millis": func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMilli()
	},
	"unix": func(seconds any) time.Time { return time.Unix(int64(integer(seconds)), 0).UTC() },

	// coalesce is the first of the times that is not zero.
	"coalesce": func(times ...time.Time) time.Time {
		for _, t := range times {
			if !t.IsZero() {
				return t
			}
		}
		return time.Time{}
	},

	// number is a number that stands for the name, wherever it comes up.
	"number": func(name string) uint32 {
		h := fnv.New32a()
		h.Write([]byte(name))
		return h.Sum32()%99_999 + 1
	},

	// uuid likewise.
	"uuid": func(name any) string { return uuid(fmt.Sprint(name)) },
}

func encode(v any) (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// same reports whether two values are the same JSON.
func same(a, b any) bool {
	x, err := encode(a)
	y, otherErr := encode(b)
	return err == nil && otherErr == nil && x == y
}

// integer reads a number or a text, 0 if it is none.
func integer(v any) int {
	n, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		return 0
	}
	return n
}

// uuid is one of version 4 as in RFC 9562, the same for the same source.
func uuid(source string) string {
	h := sha256.Sum256([]byte(source))
	h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
