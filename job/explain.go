package job

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Explanation is the verdict of each rule on one account, and the decision.
type Explanation struct {
	User     User
	Rules    []Verdict // in the order of their precedence
	Decision Decision
}

// Verdict is whether one rule applies to an account, and why.
type Verdict struct {
	Rule    Reason
	Applies bool
	Because string
}

// Explain evaluates every rule for u, including those after the one that decides.
func (p *Policy) Explain(u User, now time.Time) Explanation {
	e := Explanation{User: u, Decision: p.Decide(u, now)}
	because := map[Reason]string{
		Allowlisted:    p.describeNames(Allowlisted, &u),
		Self:           p.describeSelf(&u),
		Admin:          fmt.Sprintf("administrator: %t, protected: %t", u.Admin, p.ProtectAdmins),
		ServiceAccount: fmt.Sprintf("service account: %t, protected: %t", u.ServiceAccount, p.ProtectServiceAccounts),
		ProtectedRole:  p.describeRoles(&u),
		UnsafeID:       fmt.Sprintf("id: %q", u.ID),
	}
	for _, protection := range protections {
		e.Rules = append(e.Rules, Verdict{protection, p.protects(protection, &u), because[protection]})
	}
	d := p.decideByLogin(&u, u.lastUse(now), now)
	e.Rules = append(e.Rules, Verdict{d.Reason, true, p.describeUse(&u, now)})
	return e
}

func (p *Policy) describeSelf(u *User) string {
	if e, found := p.Self.find(u.nameForms()); found {
		return fmt.Sprintf("the directory says that %q is calling", e.Text)
	}
	return "the caller's name " + p.describeNames(Self, u)
}

func (p *Policy) describeRoles(u *User) string {
	if u.Roles == nil {
		return fmt.Sprintf("roles: not known, protected: %d entries", p.ProtectRoles.Len())
	}
	return fmt.Sprintf("roles: %q, %s", u.Roles, p.describeNames(ProtectedRole, u))
}

func (p *Policy) describeUse(u *User, now time.Time) string {
	used := u.lastUse(now)
	text := fmt.Sprintf("last login: %s", used.login)
	if !u.KnownUntil.IsZero() {
		text += fmt.Sprintf(", logins known until: %s", u.KnownUntil.UTC().Format(time.RFC3339))
	}
	if used.activity.State != LoginAbsent {
		text += fmt.Sprintf(", other activity: %s", used.activity)
	}
	if u.Created.IsZero() {
		text += ", created: not known"
		if !u.FirstSeen.IsZero() {
			text += fmt.Sprintf(", first seen: %s", u.FirstSeen.UTC().Format(time.RFC3339))
		}
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

// Explain explains every account whose id, username or email is name. It reads the
// whole directory and changes nothing.
func (c *Cleanup) Explain(ctx context.Context, name string, now time.Time) ([]Explanation, error) {
	if _, err := c.FindSelf(ctx); err != nil && !errors.Is(err, ErrUnsupported) {
		return nil, err
	}
	if err := c.ReadAliveIn(ctx, now); err != nil {
		return nil, err
	}
	wanted := ExactNames(name)
	var sightings *sightings
	var users []User
	err := reread(ctx, c.Log, func() error {
		users = nil
		c.Activity.forget()
		sightings = newSightings(c.Policy)
		for u, err := range c.Directory.Users(ctx) {
			if err != nil {
				return err
			}
			c.Activity.apply(u, now) // a row about two accounts shows when both are read
			sightings.note(&u)
			if wanted.Match(u.Names()) {
				users = append(users, u.Clone())
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.Policy.misses = sightings.misses()
	var unused []User
	for _, u := range users {
		if u.Partial || c.Policy.Decide(c.Activity.apply(u, now), now).Action != Keep {
			unused = append(unused, u)
		}
	}
	c.Activity.findNear(slices.Values(unused), c.Policy.firstCutoff(now))
	var found []Explanation
	for u, err := range c.Detailed(ctx, iterate(users), now) {
		if err != nil {
			return nil, err
		}
		e := c.Policy.Explain(c.known(u, now), now)
		e.Rules[len(e.Rules)-1].Because += c.describeAlive(&u)
		found = append(found, c.Ledger.explain(c.Policy, e, now))
	}
	return found, nil
}

// known returns u with what the ledger and the activity file have of it.
func (c *Cleanup) known(u User, now time.Time) User {
	return c.Activity.apply(c.Ledger.recall(&c.Policy, c.Activity, u, now), now)
}

// Decide returns u with what the ledger and the activity file have of it, and the decision
// about it by policy and ledger.
func (c *Cleanup) Decide(u User, now time.Time) (User, Decision) {
	u = c.known(u, now)
	candidate := c.Ledger.withGrace(c.Policy, newCandidate(u, c.Policy.Decide(u, now), now), u, now)
	return u, Decision{candidate.Action, candidate.Reason}
}

// DecideAgain is Decide on a second look at an account that has been planned for as Decide
// returned it. A single account may be told with other details than one in a listing; by
// them alone it is not another account.
func (c *Cleanup) DecideAgain(planned, u User, now time.Time) (User, Decision) {
	u = c.known(u, now)
	candidate := newCandidate(u, c.Policy.Decide(u, now), now)
	if c.Ledger != nil && candidate.Action == Remove && planned.isAnother(u, now) {
		return u, Decision{Keep, InGrace}
	}
	candidate = c.Ledger.withGrace(c.Policy, candidate, planned, now)
	return u, Decision{candidate.Action, candidate.Reason}
}

func iterate(users []User) iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		for _, u := range users {
			if !yield(u, nil) {
				return
			}
		}
	}
}
