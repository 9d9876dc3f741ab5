package client

import (
	"strings"
	"testing"

	"dormant/job"
)

// A wrong path is told by what was asked for, and by the line of the profile that has it;
// a path with the name of an account in it is not.
func TestNotFoundSaysWhat(t *testing.T) {
	const own = "headers: {Authorization: \"{token}\"}\n" +
		"self: {path: /me}\n" +
		"sign_in: {path: /session, body: {username: \"{username}\", password: \"{password}\"}, token: token}\n" +
		"list: {path: /users, items: users}\n" +
		"get: {path: \"/users/{username}\"}\n" +
		"user: {id: id, username: name}\n" +
		"remove: {path: \"/users/{id}\"}\n"
	signedIn := func(o *Options) { o.Values.Token, o.Values.Username, o.Values.Password = "", "ana", password }
	for name, row := range map[string]struct {
		routes routes
		change func(*Options)
		ask    func(c *Client) error
		want   []string
		not    string
	}{
		"self": {
			routes{"GET /me": 404}, func(*Options) {}, func(c *Client) error { _, err := c.Self(t.Context()); return err },
			[]string{"self: the directory answered 404 Not Found at /prefix/me (profile ", "line 2: self.path)"}, "list",
		},
		"sign in": {
			routes{"POST /session": 404}, signedIn, func(c *Client) error {
				for _, err := range c.Users(t.Context()) {
					return err
				}
				return nil
			},
			[]string{"sign in: ", "404 Not Found at /prefix/session (profile ", "line 3: sign_in.path)"}, "list.path",
		},
		"one account": {
			routes{"GET /users/bob": 405}, func(*Options) {}, func(c *Client) error {
				_, err := c.User(t.Context(), job.User{ID: "7", Username: "bob"})
				return err
			},
			[]string{"405 Method Not Allowed"}, "bob",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, row.routes)
			err := row.ask(connect(t, s, load(t, own), row.change, retries(0)))
			wantError(t, err, row.want...)
			if err != nil && strings.Contains(err.Error(), row.not) {
				t.Errorf("%q is in %q", row.not, err)
			}
		})
	}
}
