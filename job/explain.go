package job

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Explanation is what each rule says of one account, and what follows.
type Explanation struct {
	User     User
	Rules    []Verdict // in the order in which they count
	Decision Decision
}

// Verdict is what one rule says.
type Verdict struct {
	Rule    Reason
	Applies bool
	Because string
}

// Explain asks every rule about u, those behind the one that decides as well.
func (p Policy) Explain(u User, now time.Time) Explanation {
	e := Explanation{User: u, Decision: p.Decide(u, now)}
	because := map[Reason]string{
		Allowlisted:    p.Allowlist.story(u),
		Self:           fmt.Sprintf("the caller goes by %q", p.Self),
		Admin:          fmt.Sprintf("administrator: %t, protected: %t", u.Admin, p.ProtectAdmins),
		ServiceAccount: fmt.Sprintf("service account: %t, protected: %t", u.ServiceAccount, p.ProtectServiceAccounts),
		ProtectedRole:  fmt.Sprintf("roles: %q, %d patterns", u.Roles, len(p.ProtectRoles)),
		UnsafeID:       fmt.Sprintf("id: %q", u.ID),
	}
	for _, r := range protections {
		e.Rules = append(e.Rules, Verdict{r.reason, r.applies(p, u), because[r.reason]})
	}
	d := p.decideByLogin(u, now)
	e.Rules = append(e.Rules, Verdict{d.Reason, true, p.loginStory(u, now)})
	return e
}

func (p Policy) loginStory(u User, now time.Time) string {
	login, activity := u.evidence(now)
	text := fmt.Sprintf("last login: %s", login)
	if activity.State != LoginAbsent {
		text += fmt.Sprintf(", other activity: %s", activity)
	}
	if u.Created.IsZero() {
		text += ", created: not known"
	} else {
		text += fmt.Sprintf(", created: %s", u.Created.UTC().Format(time.RFC3339))
	}
	text += fmt.Sprintf(", cutoff: %s", p.Cutoff(now).UTC().Format(time.RFC3339))
	if p.DisableAfter > 0 {
		text += fmt.Sprintf(", to disable: %s", p.DisableCutoff(now).UTC().Format(time.RFC3339))
	}
	if p.DisableAfter > 0 || p.DisableOnly || p.RequireDisabled {
		text += fmt.Sprintf(", disabled: %t", u.Disabled)
	}
	return text
}

// Explain explains every account that goes by the name: an id, a username or an
// email. It reads the whole directory and changes nothing.
func (c *Cleanup) Explain(ctx context.Context, name string, now time.Time) ([]Explanation, error) {
	if _, err := c.FindSelf(ctx); err != nil && !errors.Is(err, ErrUnsupported) {
		return nil, err
	}
	var users []User
	for u, err := range c.Directory.Users(ctx) {
		if err != nil {
			return nil, err
		}
		c.Activity.apply(u, now) // a row about two accounts shows when both are read
		if u.named(name) {
			users = append(users, u)
		}
	}
	var found []Explanation
	for u, err := range c.Detailed(ctx, each(users), now) {
		if err != nil {
			return nil, err
		}
		found = append(found, c.Ledger.explain(c.Policy, c.Policy.Explain(c.Activity.apply(u, now), now), now))
	}
	return found, nil
}

// Judge is the account with what is known of it from elsewhere, and what becomes of it.
func (c *Cleanup) Judge(u User, now time.Time) (User, Decision) {
	u = c.Activity.apply(u, now)
	return u, c.decide(u, now)
}

func each(users []User) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		for _, u := range users {
			if !yield(u, nil) {
				return
			}
		}
	}
}
