package job

import (
	"slices"
	"time"
)

// Action is what a decision does with an account.
type Action string

// The actions.
const (
	Keep    Action = "keep"
	Disable Action = "disable" // it can't log in, and is there all the same
	Remove  Action = "remove"
)

// Reason says why an account is kept, disabled or removed.
type Reason string

// The reasons. NeverLoggedIn is one to keep or not to keep, as the policy says.
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
	AlreadyDisabled  Reason = "already_disabled"
	NotDisabled      Reason = "not_disabled"
	InGrace          Reason = "in_grace"
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
		{Keep, AlreadyDisabled}, {Keep, NotDisabled}, {Keep, InGrace},
		{Disable, Inactive}, {Disable, NeverLoggedIn},
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

	// Whoever is not kept is removed, unless one of these says otherwise. The
	// directory's own flag is the memory: nothing else tells who was disabled.
	DisableOnly     bool          // is disabled instead
	DisableAfter    time.Duration // is disabled first, after this shorter span; 0: is not
	RequireDisabled bool          // is removed only if disabled already

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

// DisableCutoff is the same for accounts that are disabled; zero if none are.
// It is the cutoff itself if none are removed.
func (p Policy) DisableCutoff(now time.Time) time.Time {
	switch {
	case p.DisableOnly:
		return p.Cutoff(now)
	case p.DisableAfter > 0:
		return now.Add(-p.DisableAfter)
	}
	return time.Time{}
}

// A step is what is done with an account that was not used since a cutoff.
type step struct {
	action Action
	cutoff time.Time
}

// steps are the policy's, the last one of an account's life first.
func (p Policy) steps(now time.Time) []step {
	remove, disable := step{Remove, p.Cutoff(now)}, step{Disable, p.DisableCutoff(now)}
	switch {
	case p.DisableOnly:
		return []step{disable}
	case p.DisableAfter > 0:
		return []step{remove, disable}
	}
	return []step{remove}
}

// firstCutoff is the cutoff of the first step that an unused account meets.
func (p Policy) firstCutoff(now time.Time) time.Time {
	steps := p.steps(now)
	return steps[len(steps)-1].cutoff
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
// lie before a cutoff, or that is known never to have logged in where the
// policy removes those, is ever disabled or removed.
func (p Policy) Decide(u User, now time.Time) Decision {
	for _, r := range protections {
		if r.applies(p, u) {
			return Decision{Keep, r.reason}
		}
	}
	return p.decideByLogin(u, now)
}

// decideByLogin takes the first step that the account's use allows, and that its
// being disabled or not does not forbid.
func (p Policy) decideByLogin(u User, now time.Time) Decision {
	var kept Reason
	for _, s := range p.steps(now) {
		reason, unused := p.judge(u, s.cutoff, now)
		switch {
		case !unused:
			kept = reason
		case s.action == Remove && p.RequireDisabled && !u.Disabled:
			kept = NotDisabled
		case s.action == Disable && u.Disabled:
			kept = AlreadyDisabled
		default:
			return Decision{s.action, reason}
		}
	}
	return Decision{Keep, kept}
}

// judge reports whether u is known not to have been used since the cutoff, and why.
func (p Policy) judge(u User, cutoff, now time.Time) (Reason, bool) {
	login, activity := u.evidence(now)
	switch {
	case login.since(cutoff), activity.since(cutoff):
		return Active, false
	case activity.State == LoginUnreadable:
		return LastLoginUnknown, false
	case login.NotAfter && p.NeverLoggedIn != NeverRemove && p.NeverLoggedIn != NeverRemoveUndated:
		return LastLoginUnknown, false // whether it ever logged in is not known
	case login.State == LoginKnown && login.At.Before(cutoff):
		return Inactive, true
	case login.State == LoginNever && activity.State == LoginAbsent:
		return NeverLoggedIn, p.givesUp(u, cutoff, now)
	}
	return LastLoginUnknown, false
}

// settled reports whether the policy keeps u whatever else can be told of its use.
func (p Policy) settled(u User, now time.Time) bool {
	for _, r := range protections {
		// Roles that were not told may be so yet.
		if r.applies(p, u) && (r.reason != ProtectedRole || u.Roles != nil) {
			return true
		}
	}
	return p.decideByLogin(u, now).Reason == Active
}

func (p Policy) isSelf(u User) bool { return slices.ContainsFunc(p.Self, u.named) }

// evidence is what is known of the account's use: its last login, and the
// newest other proof of life, LoginAbsent if there is none.
func (u User) evidence(now time.Time) (login, activity LastLogin) {
	if !u.LastActivity.IsZero() {
		activity = LoginAt(u.LastActivity).Settle(time.Time{}, now)
	}
	return u.LastLogin.Settle(u.Created, now), activity
}

// givesUp reports whether u, which never logged in, has had its time until the cutoff.
func (p Policy) givesUp(u User, cutoff, now time.Time) bool {
	old := plausible(u.Created, now) && u.Created.Before(cutoff)
	switch p.NeverLoggedIn {
	case NeverRemove:
		return old
	case NeverRemoveUndated:
		return old || u.Undated && u.Created.IsZero()
	case NeverKeep:
	}
	return false
}
