package job

import (
	"slices"
	"time"
)

// Action is what a decision does with an account.
type Action string

// The actions.
const (
	Keep   Action = "keep"
	Remove Action = "remove"
)

// Reason says why an account is kept or removed.
type Reason string

// The reasons. NeverLoggedIn is one to keep or to remove, as the policy says.
const (
	Active           Reason = "active"
	Allowlisted      Reason = "allowlisted"
	Self             Reason = "self"
	Admin            Reason = "admin"
	ServiceAccount   Reason = "service_account"
	ProtectedRole    Reason = "protected_role"
	NeverLoggedIn    Reason = "never_logged_in"
	LastLoginUnknown Reason = "last_login_unknown"
	UnsafeID         Reason = "unsafe_id"
	ActiveAgain      Reason = "active_again"
	Inactive         Reason = "inactive"
)

// Decision is what becomes of an account, and why.
type Decision struct {
	Action Action
	Reason Reason
}

// decisions are all that a cleanup can come to.
func decisions() []Decision {
	return []Decision{
		{Keep, Active}, {Keep, Allowlisted}, {Keep, Self}, {Keep, Admin}, {Keep, ServiceAccount}, {Keep, ProtectedRole},
		{Keep, NeverLoggedIn}, {Keep, LastLoginUnknown}, {Keep, UnsafeID}, {Keep, ActiveAgain},
		{Remove, Inactive}, {Remove, NeverLoggedIn},
	}
}

// NeverPolicy is what becomes of accounts that are known never to have logged in.
type NeverPolicy string

// The choices for accounts that never logged in.
const (
	NeverKeep          NeverPolicy = "keep"
	NeverRemove        NeverPolicy = "remove"         // if known to be created before the cutoff
	NeverRemoveUndated NeverPolicy = "remove-undated" // the same, and where the directory gives no creation date
)

// Policy says whom a cleanup keeps. It is pure: the time is an argument.
type Policy struct {
	// One of the two is set. InactiveFor counts back from now.
	InactiveFor   time.Duration
	InactiveSince time.Time

	NeverLoggedIn NeverPolicy // the zero value keeps

	Allowlist              Globs
	Self                   []string // ids, usernames or emails of whoever removes
	ProtectAdmins          bool
	ProtectServiceAccounts bool
	ProtectRoles           Globs
}

// Cutoff is the time before which the last login of an inactive account lies.
func (p Policy) Cutoff(now time.Time) time.Time {
	if p.InactiveFor > 0 {
		return now.Add(-p.InactiveFor)
	}
	return p.InactiveSince
}

// A rule settles the accounts that it applies to; the first that applies counts.
type rule struct {
	reason  Reason
	applies func(Policy, User) bool
}

// protections keep an account whatever its last login, so that a protected
// account always says what protects it.
var protections = []rule{
	{Allowlisted, func(p Policy, u User) bool { return p.Allowlist.MatchUser(u) }},
	{Self, Policy.isSelf},
	{Admin, func(p Policy, u User) bool { return p.ProtectAdmins && u.Admin }},
	{ServiceAccount, func(p Policy, u User) bool { return p.ProtectServiceAccounts && u.ServiceAccount }},
	{ProtectedRole, func(p Policy, u User) bool {
		// Roles that the directory did not tell could be any.
		return len(p.ProtectRoles) > 0 && (u.Roles == nil || p.ProtectRoles.MatchAny(u.Roles))
	}},
	{UnsafeID, func(_ Policy, u User) bool { return !SafeID(u.ID) }},
}

// Decide says what becomes of u. Only an account whose last login is known to
// lie before the cutoff, or that is known never to have logged in where the
// policy removes those, is ever removed.
func (p Policy) Decide(u User, now time.Time) Decision {
	for _, r := range protections {
		if r.applies(p, u) {
			return Decision{Keep, r.reason}
		}
	}
	return p.decideByLogin(u, now)
}

func (p Policy) decideByLogin(u User, now time.Time) Decision {
	login, activity := u.evidence(now)
	switch {
	case p.since(login, now), p.since(activity, now):
		return Decision{Keep, Active}
	case activity.State == LoginUnreadable:
		return Decision{Keep, LastLoginUnknown}
	case login.State == LoginKnown:
		return Decision{Remove, Inactive}
	case login.State == LoginNever && activity.State == LoginAbsent:
		return Decision{p.decideNever(u, now), NeverLoggedIn}
	}
	return Decision{Keep, LastLoginUnknown}
}

func (p Policy) isSelf(u User) bool { return slices.ContainsFunc(p.Self, u.named) }

// since reports whether l is known to be at or after the cutoff.
func (p Policy) since(l LastLogin, now time.Time) bool {
	return l.State == LoginKnown && !l.At.Before(p.Cutoff(now))
}

// evidence is what is known of the account's use: its last login, and the
// newest other proof of life, LoginAbsent if there is none.
func (u User) evidence(now time.Time) (login, activity LastLogin) {
	if !u.LastActivity.IsZero() {
		activity = LoginAt(u.LastActivity).Settle(time.Time{}, now)
	}
	return u.LastLogin.Settle(u.Created, now), activity
}

func (p Policy) decideNever(u User, now time.Time) Action {
	old := plausible(u.Created, now) && u.Created.Before(p.Cutoff(now))
	switch p.NeverLoggedIn {
	case NeverRemove:
		if old {
			return Remove
		}
	case NeverRemoveUndated:
		if old || u.Undated && u.Created.IsZero() {
			return Remove
		}
	case NeverKeep:
	}
	return Keep
}
