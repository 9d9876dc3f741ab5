package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// What can be wrong with a request.
const (
	kindToken       = "token"
	kindForbidden   = "forbidden"
	kindNotFound    = "not_found" // no such account
	kindPath        = "path"
	kindHeader      = "header"
	kindMedia       = "media"
	kindBody        = "body"
	kindCursor      = "cursor"
	kindCredentials = "credentials"
	kindRefused     = "refused"
	kindRateLimit   = "rate_limit"
	kindFault       = "fault"
	kindUnavailable = "unavailable"
)

// usual are the errors that no system says otherwise.
var usual = map[string]struct {
	status  int
	message string
}{
	kindToken:       {http.StatusUnauthorized, "the token is missing, invalid or expired"},
	kindForbidden:   {http.StatusForbidden, "only for administrators"},
	kindNotFound:    {http.StatusNotFound, "there is no such user"},
	kindPath:        {http.StatusNotFound, "there is no such path"},
	kindHeader:      {http.StatusBadRequest, "a header is missing"},
	kindMedia:       {http.StatusUnsupportedMediaType, "the body has the wrong Content-Type"},
	kindBody:        {http.StatusBadRequest, "the body is not as it has to be"},
	kindCursor:      {http.StatusBadRequest, errCursor.Error()},
	kindCredentials: {http.StatusUnauthorized, "the credentials are wrong"},
	kindRefused:     {http.StatusUnprocessableEntity, "that is not possible"},
	kindRateLimit:   {http.StatusTooManyRequests, "too many requests"},
	kindFault:       {http.StatusInternalServerError, "a fault on purpose"},
	kindUnavailable: {http.StatusServiceUnavailable, "a fault on purpose"},
}

func kindsOfErrors() []string { return slices.Sorted(maps.Keys(usual)) }

// failure is what a system says otherwise about an error. All of it is of problem.
type failure struct {
	Status  int             `yaml:"status"`
	Code    text            `yaml:"code"`
	Message text            `yaml:"message"`
	Headers map[string]text `yaml:"headers"`
	Body    text            `yaml:"body"` // instead of the system's Error
}

// refusal is an error that a system has under a condition.
type refusal struct {
	When    condition `yaml:"when"`
	Error   string    `yaml:"error"` // the kind to start from
	Failure failure   `yaml:",inline"`
}

// problem is an error, as templates see it.
type problem struct {
	*request
	Kind          string
	Status        int
	Text          string // of the status
	Code, Message string
	Wait          int // seconds until it is worth another try
}

// wrong is an error before it has a form.
type wrong struct {
	kind   string
	detail string // instead of the usual message
	own    failure
	wait   int
}

// fail is the answer that something is wrong. The route is nil if there is none.
func (s *Server) fail(q *request, rt *route, w wrong) response {
	layers := []failure{w.own}
	if rt != nil {
		layers = append(layers, rt.Errors[w.kind])
	}
	layers = append(layers, s.system.Errors[w.kind])

	p := problem{request: q, Kind: w.kind, Status: usual[w.kind].status, Message: usual[w.kind].message, Wait: w.wait}
	if w.detail != "" {
		p.Message = w.detail
	}
	body, headers := s.system.Error, map[string]text(nil)
	var code, message text
	for _, layer := range slices.Backward(layers) {
		if layer.Status != 0 {
			p.Status = layer.Status
		}
		if layer.Code.given() {
			code = layer.Code
		}
		if layer.Message.given() {
			message = layer.Message
		}
		if layer.Body.given() {
			body = layer.Body
		}
		if layer.Headers != nil {
			headers = layer.Headers
		}
	}
	p.Text = http.StatusText(p.Status)
	var err error
	if p.Code, err = code.render(p); err != nil {
		return broken(err)
	}
	if message.given() {
		if p.Message, err = message.render(p); err != nil {
			return broken(err)
		}
	}
	answer := s.respond(p.Status, body, p, s.system.Headers, headers)
	if headers == nil && w.wait > 0 {
		answer.header.Set("Retry-After", strconv.Itoa(w.wait))
	}
	return answer
}

// refused is the first of the refusals whose condition holds, or nil.
func refused(refusals []refusal, data any) (*wrong, error) {
	for _, r := range refusals {
		switch yes, err := r.When.holds(data); {
		case err != nil:
			return nil, err
		case yes && r.Error != "":
			return &wrong{kind: r.Error, own: r.Failure}, nil
		case yes:
			return &wrong{kind: kindRefused, own: r.Failure}, nil
		}
	}
	return nil, nil
}

// lacks is the first of the headers that the request should have and has not.
func lacks(q *request, requires map[string]text) (*wrong, error) {
	for _, name := range slices.Sorted(maps.Keys(requires)) {
		value, err := requires[name].render(q)
		if err != nil {
			return nil, err
		}
		if given := q.Header(name); given == "" || value != "" && given != strings.TrimSpace(value) {
			return &wrong{kind: kindHeader, detail: "the header " + name + " is missing or wrong"}, nil
		}
	}
	return nil, nil
}
