package client

import (
	"errors"
	"net/http"
	"testing"

	"dormant/job"
)

// TestFindProvesNothingByAnAnswerAboutSomethingElse: what a report says of an account that
// was removed rests on this look. Where it is no proof, the listing decides.
func TestFindProvesNothingByAnAnswerAboutSomethingElse(t *testing.T) {
	const byName = "get: {path: \"/users/{username}\"}\n"
	moved := func(to string) any { return status(http.StatusFound, "", "Location", "/prefix"+to) }
	page := status(http.StatusNotFound, "<html>nginx</html>", "Content-Type", "text/html")
	const get = "get: {path: \"/users/{id}\"}\n"
	tests := []struct {
		rule, more string
		routes     routes
		want       error // errNoProof: any other
	}{
		{"404", get, routes{"GET /users/1": 404}, job.ErrNotFound},
		{"410", get, routes{"GET /users/1": 410}, job.ErrNotFound},
		{"a page of HTML with 404", get, routes{"GET /users/1": page}, errNoProof},
		{"404 after a redirect", get, routes{"GET /users/1": moved("/login"), "GET /login": 404}, errNoProof},
		{"the account after a redirect", get, routes{"GET /users/1": moved("/v2/1"), "GET /v2/1": `{"id":1}`}, nil},
		{"404 to its name", byName, routes{"GET /users/ana": 404}, job.ErrUnproven},
		{"it, by its name", byName, routes{"GET /users/ana": `{"id":1}`}, nil},
	}
	for _, tt := range tests {
		s := serve(t, tt.routes)
		c := connect(t, s, sketch(t, "", ", username: name", tt.more))
		_, err := c.Find(t.Context(), job.User{ID: "1", Username: "ana"})
		ok := errors.Is(err, tt.want)
		if errors.Is(tt.want, errNoProof) {
			ok = err != nil && !errors.Is(err, job.ErrNotFound) && !errors.Is(err, job.ErrUnproven)
		}
		if !ok {
			t.Errorf("%s: %v", tt.rule, err)
		}
	}
}

var errNoProof = errors.New("the answer proves nothing")
