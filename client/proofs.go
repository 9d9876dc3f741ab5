package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// proofs are, for each account, when it was last seen in the directory's log of
// activity. The zero time is an event of unknown time.
type proofs map[string]time.Time

// proven adds what the log proves. An event of unknown time may be newer than
// the last login, which is then not known.
func (c *Client) proven(u job.User) job.User {
	p := c.proofs.Load()
	if p == nil {
		return u
	}
	at, ok := (*p)[u.ID]
	switch {
	case !ok:
	case at.IsZero():
		u.LastLogin = job.LastLogin{State: job.LoginUnreadable}
	default:
		u.LastActivity = at
	}
	return u
}

// add notes an event. One of unknown time outweighs all others.
func (p proofs) add(id string, at time.Time) {
	before, known := p[id]
	if !known || at.IsZero() || !before.IsZero() && at.After(before) {
		p[id] = at
	}
}

// readProofs reads the whole log of activity, if the profile has one.
func (c *Client) readProofs(ctx context.Context) error {
	how := c.profile.Activity
	if how == nil {
		return nil
	}
	found := proofs{}
	w := &walk{client: c, operation: opActivity, listing: how.Listing}
	for it, err := range w.items(ctx) {
		var status *statusError
		if how.Optional && errors.As(err, &status) && status.Code == http.StatusNotFound && w.pagesRead == 0 {
			c.log.Warn().Str(job.FieldPath, string(how.Path)).
				Msg("the directory has no log of activity here: accounts are judged by their last logins alone")
			break
		}
		if err != nil {
			return err
		}
		if !it.value.IsObject() {
			return it.wrong(fmt.Errorf("%s is not an event: an object is needed", kind(it.value)))
		}
		id, isAccount := strings.CutPrefix(text(it.value, how.Account.Path), how.Account.Prefix)
		if isAccount && id != "" {
			found.add(id, eventTime(it.value.Get(how.At)))
		}
	}
	c.proofs.Store(&found)
	return nil
}

// eventTime is zero if it can't be read.
func eventTime(v gjson.Result) time.Time {
	if v.Type != gjson.String && v.Type != gjson.Number {
		return time.Time{}
	}
	return job.ParseLastLogin(v.String()).At
}
