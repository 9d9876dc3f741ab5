package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/tidwall/gjson"

	"dormant/client/profile"
	"dormant/job"
)

// User reads one account again, and what the sources of activity say of it now.
func (c *Client) User(ctx context.Context, u job.User) (job.User, error) {
	if c.profile.Get == nil && !c.hasOwnSources() {
		return job.User{}, job.ErrUnsupported
	}
	if !job.SafeID(u.ID) {
		return job.User{}, fmt.Errorf("%s %q: %w", opGet, u.ID, job.ErrUnsafeID)
	}
	if c.profile.Get != nil {
		account, err := c.whole(ctx, u)
		if errors.Is(err, errUnnamed) || errors.Is(err, job.ErrUnsafeID) {
			// Nobody can be asked about it by the name that it has, and one such
			// account must not stop a whole run.
			return hidden(u), nil
		}
		if err != nil {
			return job.User{}, fmt.Errorf("%s: %w", opGet, err)
		}
		id := u.ID
		if u, err = c.reader.User(id, account); err != nil {
			return job.User{}, fmt.Errorf("read account %q: %w", id, err)
		}
		if c.profile.Get.Details() && c.profile.User.Lacks(account) {
			u = hidden(u)
		}
	}
	u.Partial = false
	return c.proven(ctx, u)
}

// hidden is the account when the directory has more to tell of it than it tells.
func hidden(u job.User) job.User {
	u.LastLogin = job.LastLogin{State: job.LoginHidden}
	return u
}

// whole is all that the GETs of one account return.
func (c *Client) whole(ctx context.Context, u job.User) (gjson.Result, error) {
	var parts []gjson.Result
	for i, how := range c.profile.Get {
		answer, err := c.one(ctx, opGet, how, u)
		if i > 0 && errors.Is(err, job.ErrNotFound) {
			return gjson.Result{}, locate(c.profile, fmt.Sprintf("get[%d]", i), misfitf("path", "account %q is there, and this part of it is not", u.ID))
		}
		if err != nil {
			return gjson.Result{}, err
		}
		part := how.Item.At(answer)
		if how.Items != nil {
			part = c.find(how.Items.At(answer), u.ID)
		}
		key := fmt.Sprintf("get[%d]", i)
		switch {
		case part.Type == gjson.Null:
			return gjson.Result{}, locate(c.profile, key, misfitf("item", "the answer has nothing there of account %q", u.ID))
		case how.As != "":
			part = under(how.As, part)
		case !part.IsObject():
			return gjson.Result{}, locate(c.profile, key, misfitf("item", "what the answer has of account %q is %s, not an object", u.ID, profile.Kind(part)))
		}
		// Of several answers, one about somebody else would not show any more once
		// the others are laid over it.
		if id, err := c.reader.ID(u.ID, part); len(c.profile.Get) > 1 && (err == nil && id != u.ID || err != nil && i == 0) {
			return gjson.Result{}, locate(c.profile, key, misfitf("path", "the answer is not about account %q", u.ID))
		}
		parts = append(parts, part)
	}
	return overlay(parts), nil
}

// under is an object with the value as its only member.
func under(name string, value gjson.Result) gjson.Result {
	raw, err := json.Marshal(map[string]json.RawMessage{name: json.RawMessage(value.Raw)})
	if err != nil {
		panic(err) // it was JSON
	}
	return gjson.ParseBytes(raw)
}

// find is the account with the id in an array, or nothing.
func (c *Client) find(items gjson.Result, id string) (found gjson.Result) {
	for _, item := range items.Array() {
		if of, err := c.reader.ID("", item); err == nil && of == id {
			return item
		}
	}
	return gjson.Result{}
}

// overlay is one object with the members of all; of several with the same name,
// the last.
func overlay(objects []gjson.Result) gjson.Result {
	if len(objects) == 1 {
		return objects[0]
	}
	members := map[string]json.RawMessage{}
	for _, object := range objects {
		object.ForEach(func(name, value gjson.Result) bool {
			members[name.Str] = json.RawMessage(value.Raw)
			return true
		})
	}
	raw, err := json.Marshal(members)
	if err != nil {
		panic(err) // they were JSON
	}
	return gjson.ParseBytes(raw)
}

// one reads a single document, about the account if there is one.
func (c *Client) one(ctx context.Context, operation string, s profile.Single, u job.User) (gjson.Result, error) {
	values, err := c.about(u, s.Path, profile.Body{}, slices.Collect(maps.Values(s.Query))...)
	if err != nil {
		return gjson.Result{}, err
	}
	target, err := c.target(s.Path, values, profile.Texts(s.Query, values))
	if err != nil {
		return gjson.Result{}, err
	}
	var answer gjson.Result
	err = c.retry(ctx, operation, func() error {
		return c.withToken(ctx, func(token string) error {
			r := request{operation: operation, method: http.MethodGet, url: target, token: token}
			return c.send(ctx, r, func(body io.Reader, _ http.Header) (err error) {
				answer, err = readJSON(body)
				return err
			})
		})
	})
	if operation == opGet && (err != nil && saysGone(s.Missing, err) || err == nil && saysGone(s.Missing, &statusError{Code: http.StatusOK, body: answer})) {
		return answer, job.ErrNotFound
	}
	return answer, err
}
