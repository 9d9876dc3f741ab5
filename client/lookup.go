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

// Self returns the account that the directory takes the caller for, or
// job.ErrUnsupported if the profile has no such request, or the caller is no account.
func (c *Client) Self(ctx context.Context) (_ job.User, err error) {
	defer func() { err = c.hide(err) }()
	if c.profile.Self == nil {
		return job.User{}, job.ErrUnsupported
	}
	how := c.profile.Self
	if how.NamesActor() && profile.Template("{actor}").Text(c.bindings) == "" {
		return job.User{}, job.ErrUnsupported
	}
	answer, err := c.lookUp(ctx, opSelf, profile.Lookup{Listing: profile.Listing{Path: how.Path}}, job.User{})
	if hasCode(err, how.None...) {
		return job.User{}, fmt.Errorf("%s: %w", opSelf, job.ErrUnsupported)
	}
	if err != nil {
		if isNotFound(err) && !errors.Is(err, job.ErrSignedOut) {
			err = fmt.Errorf("%w (%s)", err, c.profile.Where("self.path"))
		}
		return job.User{}, fmt.Errorf("%s: %w", opSelf, err)
	}
	u, err := c.accounts.Caller(how.Item.At(answer), how.ID)
	if err != nil {
		return job.User{}, fmt.Errorf("read oneself: %w (%s)", err, c.profile.Where("self"))
	}
	return u, nil
}

// User reads one account again, and what the sources of activity say of it now.
// It returns job.ErrNotFound if the account is gone, and job.ErrUnsupported if the
// directory can't read a single account, or nothing newer than the listing.
func (c *Client) User(ctx context.Context, u job.User) (_ job.User, err error) {
	defer func() { err = c.hide(err) }()
	if c.profile.Get == nil && !c.hasAccountSources() {
		again, err := c.userInListing(ctx, u)
		if err != nil {
			return job.User{}, err
		}
		again.Partial = false
		return c.withCurrentActivity(ctx, again)
	}
	if !job.SafeID(u.ID) {
		return job.User{}, fmt.Errorf("%s %q: %w", opGet, u.ID, job.ErrUnsafeID)
	}
	if c.profile.Get != nil {
		account, err := c.readAccount(ctx, u)
		if errors.Is(err, profile.ErrUnnamed) || errors.Is(err, job.ErrUnsafeID) {
			// No request can name this account. One such account must not stop a
			// whole run.
			return hideLastLogin(u), nil
		}
		if err != nil {
			return job.User{}, fmt.Errorf("%s: %w", opGet, err)
		}
		requested := u
		if u, err = c.accounts.Account(u.ID, account); err != nil {
			return job.User{}, fmt.Errorf("read account %q: %w", requested.ID, err)
		}
		if by := c.profile.Get[0].AddressedBy(c.profile.User); u.ID != requested.ID && !slices.Contains(by, "id") {
			return job.User{}, fmt.Errorf("%s: %w", opGet, &renamedError{by, []string{fmt.Sprintf("it is that of account %q by now", u.ID)}})
		}
		u = c.profile.Get[0].KeepAddress(c.profile.User, requested, u)
		if c.profile.Get.HasDetails() && !c.accounts.IsComplete(account) {
			u = hideLastLogin(u)
		}
	}
	u.Partial = false
	return c.withCurrentActivity(ctx, u)
}

// hideLastLogin returns the account with a hidden last login, because the directory
// does not show everything of it to this caller.
func hideLastLogin(u job.User) job.User {
	u.LastLogin = job.LastLogin{State: job.LoginHidden}
	return u
}

// readAccount returns what the lookups of one account return, as one object.
func (c *Client) readAccount(ctx context.Context, u job.User) (gjson.Result, error) {
	var parts []gjson.Result
	for i, lookup := range c.profile.Get {
		key := fmt.Sprintf("get[%d]", i)
		mismatch := func(relative, format string, args ...any) (gjson.Result, error) {
			return gjson.Result{}, withPosition(c.profile, key, mismatchf(relative, format, args...))
		}
		part, err := c.readPart(ctx, key, lookup, u)
		if i > 0 && errors.Is(err, job.ErrNotFound) {
			return mismatch("path", "account %q is there, and this part of it is not", u.ID)
		}
		if err != nil {
			return gjson.Result{}, err
		}
		switch {
		case part.Type == gjson.Null:
			return mismatch("item", "the answer has nothing there of account %q", u.ID)
		case lookup.As != "":
			part = wrapInObject(lookup.As, part)
		case !part.IsObject():
			return mismatch("item", "what the answer has of account %q is %s, not an object", u.ID, profile.Describe(part))
		}
		// A part that is about another account would go unnoticed once the parts are
		// merged.
		if id, err := c.accounts.ID(u.ID, part); len(c.profile.Get) > 1 && (err == nil && id != u.ID || err != nil && i == 0) {
			return mismatch("path", "the answer is not about account %q", u.ID)
		}
		parts = append(parts, part)
	}
	return mergeObjects(parts), nil
}

// maxCollected is the most items of one account that are kept.
const maxCollected = 100_000

// readPart returns what one lookup returns of the account, or null if that is
// nothing. key is where the profile has the lookup.
func (c *Client) readPart(ctx context.Context, key string, l profile.Lookup, u job.User) (gjson.Result, error) {
	if l.Items == nil {
		answer, err := c.lookUp(ctx, opGet, l, u)
		return l.Item.At(answer), err
	}
	var collected []json.RawMessage
	p := &pagination{client: c, operation: opGet, listing: l.Listing, key: key, user: u}
	for it, err := range p.items(ctx) {
		switch {
		case err != nil && p.pagesRead == 0 && saysNotFound(l.NotFound, err):
			return gjson.Result{}, job.ErrNotFound
		case err != nil:
			return gjson.Result{}, err
		case !l.Includes(it.value):
			continue
		}
		if l.Collect {
			if collected = append(collected, json.RawMessage(it.value.Raw)); len(collected) > maxCollected {
				return gjson.Result{}, it.wrap(fmt.Errorf("more than %d items about one account", maxCollected))
			}
			continue
		}
		if id, err := c.accounts.ID("", it.value); err != nil || id != u.ID {
			continue
		}
		if saysNotFound(l.NotFound, &statusError{Code: http.StatusOK, body: it.value}) {
			return gjson.Result{}, job.ErrNotFound
		}
		return it.value, nil
	}
	if p.firstTotal > p.itemsRead {
		return gjson.Result{}, withPosition(c.profile, key, mismatchf("total", "the listing has %d items and says that there are %d", p.itemsRead, p.firstTotal))
	}
	if !l.Collect {
		return gjson.Result{}, nil
	}
	raw, err := json.Marshal(append([]json.RawMessage{}, collected...))
	if err != nil {
		panic(err) // they were JSON
	}
	return gjson.ParseBytes(raw), nil
}

// lookUp reads one document, about the account unless it is the zero User.
func (c *Client) lookUp(ctx context.Context, operation string, l profile.Lookup, u job.User) (gjson.Result, error) {
	bindings, err := c.bindings.ForAccount(u, l.Path, profile.Body{}, slices.Collect(maps.Values(l.Query))...)
	if err != nil {
		return gjson.Result{}, err
	}
	target, err := c.target(l.Path, bindings, profile.ExpandAll(l.Query, bindings))
	if err != nil {
		return gjson.Result{}, err
	}
	var answer gjson.Result
	err = c.retry(ctx, operation, func() error {
		return c.withToken(ctx, operation, func(ctx context.Context, token string) error {
			r := request{operation: operation, method: http.MethodGet, url: target, token: token, public: operation == opSelf}
			return c.send(ctx, r, func(body io.Reader, _ http.Header) (err error) {
				answer, err = decodeJSON(body)
				return err
			})
		})
	})
	if operation == opGet && (err != nil && saysNotFound(l.NotFound, err) ||
		err == nil && saysNotFound(l.NotFound, &statusError{Code: http.StatusOK, body: answer})) {
		return answer, asNotFound(err)
	}
	return answer, err
}

// saysNotFound reports whether the error is an answer that there is no such account.
func saysNotFound(n profile.NotFound, err error) bool {
	var status *statusError
	if !errors.As(err, &status) || status.RateLimited {
		return errors.Is(err, job.ErrNotFound)
	}
	if n.GoneIf != nil {
		if holds, known, err := n.GoneIf.Holds(status.body); holds && known && err == nil {
			return true
		}
	}
	return n.IsGone(status.Code)
}

// wrapInObject returns an object with the value as its only member.
func wrapInObject(name string, value gjson.Result) gjson.Result {
	raw, err := json.Marshal(map[string]json.RawMessage{name: json.RawMessage(value.Raw)})
	if err != nil {
		panic(err) // it was JSON
	}
	return gjson.ParseBytes(raw)
}

// mergeObjects returns one object with the members of all. Of members with the same
// name, it has the last, but null does not replace a value: an answer that does not
// know something does not deny what another one knows. Members that are objects are
// merged in the same way.
func mergeObjects(objects []gjson.Result) gjson.Result {
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
				value = mergeObjects([]gjson.Result{before, value})
			}
			members[name.Str] = value
			return true
		})
	}
	raw := map[string]json.RawMessage{}
	for name, value := range members {
		raw[name] = json.RawMessage(value.Raw)
	}
	merged, err := json.Marshal(raw)
	if err != nil {
		panic(err) // they were JSON
	}
	return gjson.ParseBytes(merged)
}
