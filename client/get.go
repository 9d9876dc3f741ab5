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
		again, err := c.relisted(ctx, u)
		if err != nil {
			return job.User{}, err
		}
		again.Partial = false
		return c.proven(ctx, again)
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
		asked := u
		if u, err = c.reader.User(u.ID, account); err != nil {
			return job.User{}, fmt.Errorf("read account %q: %w", asked.ID, err)
		}
		u = c.profile.Get[0].Confirmed(c.profile.User, asked, u)
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
		key := fmt.Sprintf("get[%d]", i)
		part, err := c.part(ctx, key, how, u)
		if i > 0 && errors.Is(err, job.ErrNotFound) {
			return gjson.Result{}, locate(c.profile, key, misfitf("path", "account %q is there, and this part of it is not", u.ID))
		}
		if err != nil {
			return gjson.Result{}, err
		}
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

// part is what one of the GETs of an account returns of it, or null if that is
// nothing.
func (c *Client) part(ctx context.Context, key string, how profile.Single, u job.User) (gjson.Result, error) {
	if how.Items == nil {
		answer, err := c.one(ctx, opGet, how, u)
		return how.Item.At(answer), err
	}
	var collected []json.RawMessage
	w := &walk{client: c, operation: opGet, listing: how.Listing, key: key, user: u}
	for it, err := range w.items(ctx) {
		switch {
		case err != nil && w.pagesRead == 0 && saysGone(how.Missing, err):
			return gjson.Result{}, job.ErrNotFound
		case err != nil:
			return gjson.Result{}, err
		case !how.Counts(it.value):
			continue
		}
		if how.Collect {
			if collected = append(collected, json.RawMessage(it.value.Raw)); len(collected) > maxCollected {
				return gjson.Result{}, it.wrong(fmt.Errorf("more than %d items about one account", maxCollected))
			}
			continue
		}
		if id, err := c.reader.ID("", it.value); err != nil || id != u.ID {
			continue
		}
		if saysGone(how.Missing, &statusError{Code: http.StatusOK, body: it.value}) {
			return gjson.Result{}, job.ErrNotFound
		}
		return it.value, nil
	}
	if w.counted > w.read {
		return gjson.Result{}, locate(c.profile, key, misfitf("total", "the listing has %d items and says that there are %d", w.read, w.counted))
	}
	if !how.Collect {
		return gjson.Result{}, nil
	}
	raw, err := json.Marshal(append([]json.RawMessage{}, collected...))
	if err != nil {
		panic(err) // they were JSON
	}
	return gjson.ParseBytes(raw), nil
}

// maxCollected is the most that is kept of one account's items.
const maxCollected = 100_000

// under is an object with the value as its only member.
func under(name string, value gjson.Result) gjson.Result {
	raw, err := json.Marshal(map[string]json.RawMessage{name: json.RawMessage(value.Raw)})
	if err != nil {
		panic(err) // it was JSON
	}
	return gjson.ParseBytes(raw)
}

// overlay is one object with the members of all. Of several with the same name
// the last counts, but null takes the place of nothing: an answer that does not
// know something does not deny what another one knows. Objects are laid over each
// other in the same way.
func overlay(objects []gjson.Result) gjson.Result {
	if len(objects) == 1 {
		return objects[0]
	}
	members := map[string]gjson.Result{}
	for _, object := range objects {
		object.ForEach(func(name, value gjson.Result) bool {
			before := members[name.Str]
			switch {
			case value.Type == gjson.Null && before.Exists():
				return true
			case value.IsObject() && before.IsObject():
				value = overlay([]gjson.Result{before, value})
			}
			members[name.Str] = value
			return true
		})
	}
	raw := map[string]json.RawMessage{}
	for name, value := range members {
		raw[name] = json.RawMessage(value.Raw)
	}
	whole, err := json.Marshal(raw)
	if err != nil {
		panic(err) // they were JSON
	}
	return gjson.ParseBytes(whole)
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
