package job

import (
	"time"
)

// Action is what is done to an account.
type Action string

// The actions.
const (
	Keep    Action = "keep"
	Disable Action = "disable" // it can't log in any more, but is not removed
	Remove  Action = "remove"
)

// Reason says why an account is kept, disabled or removed.
type Reason string

// The reasons. NeverLoggedIn may be a reason to keep or to act, depending on the policy.
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
	NotApproved      Reason = "not_approved" // by the person who has reviewed the plan
	Inactive         Reason = "inactive"
)

// Decision is the action for an account, and its reason.
type Decision struct {
	Action Action
	Reason Reason
}

// decisions returns all decisions that a cleanup can make.
func decisions() []Decision {
	return []Decision{
		{Keep, Active}, {Keep, Allowlisted}, {Keep, Self}, {Keep, Admin}, {Keep, ServiceAccount}, {Keep, ProtectedRole},
		{Keep, NeverLoggedIn}, {Keep, LastLoginUnknown}, {Keep, UnsafeID}, {Keep, ActiveAgain},
		{Keep, AlreadyDisabled}, {Keep, NotDisabled}, {Keep, InGrace}, {Keep, NotApproved},
		{Disable, Inactive}, {Disable, NeverLoggedIn},
		{Remove, Inactive}, {Remove, NeverLoggedIn},
	}
}

// NeverPolicy is how to treat accounts that are known never to have logged in.
type NeverPolicy string

// The choices for accounts that never logged in.
const (
	NeverKeep          NeverPolicy = "keep"
	NeverRemove        NeverPolicy = "remove"         // remove if known to be created before the cutoff
	NeverRemoveUndated NeverPolicy = "remove-undated" // also remove where the directory has no creation dates
)

// Policy decides about accounts. It is pure: the time is an argument.
type Policy struct {
	// One of the two is set. InactiveFor counts back from now.
	InactiveFor   time.Duration
	InactiveSince time.Time

	NeverLoggedIn NeverPolicy // the zero value keeps

	// Inactive accounts are removed, unless one of these says otherwise. Whether an
	// account is disabled is read from the directory; nothing else remembers it.
	DisableOnly     bool          // disable instead of removing
	DisableAfter    time.Duration // disable first, after this shorter time; 0: do not
	RequireDisabled bool          // remove only accounts that are disabled already

	Allowlist              Entries
	Ended                  []Entry // of the allowlist, that protect nobody any more
	ProtectAdmins          bool
	ProtectServiceAccounts bool
	ProtectRoles           Entries

	// The account that the run acts as, by its id, username or address: who removes, as
	// the directory is told; who signs in; and whom the directory takes the caller for.
	Actor    Entries
	Username Entries
	Self     Entries

	misses misses // none until the whole directory has been read
}

// Cutoff returns the time since which an account to remove must not have been used.
func (p *Policy) Cutoff(now time.Time) time.Time {
	if p.InactiveFor > 0 {
		return now.Add(-p.InactiveFor)
	}
	return p.InactiveSince
}

// DisableCutoff is the same for accounts to disable. It is zero if the policy disables
// none, and equal to Cutoff if it removes none.
func (p *Policy) DisableCutoff(now time.Time) time.Time {
	switch {
	case p.DisableOnly:
		return p.Cutoff(now)
	case p.DisableAfter > 0:
		return now.Add(-p.DisableAfter)
	}
	return time.Time{}
}

// A step is the action for accounts that were not used since a cutoff.
type step struct {
	action Action
	cutoff time.Time
}

// steps returns the n steps of the policy, the final one first.
func (p *Policy) steps(now time.Time) (steps [2]step, n int) {
	remove, disable := step{Remove, p.Cutoff(now)}, step{Disable, p.DisableCutoff(now)}
	switch {
	case p.DisableOnly:
		return [2]step{disable}, 1
	case p.DisableAfter > 0:
		return [2]step{remove, disable}, 2
	}
	return [2]step{remove}, 1
}

// firstCutoff returns the cutoff of the step that an unused account reaches first.
func (p *Policy) firstCutoff(now time.Time) time.Time {
	steps, n := p.steps(now)
	return steps[n-1].cutoff
}

// protections are the reasons that keep an account regardless of its last login. They come
// before all else, so that the reason of a protected account always names its protection;
// the first that applies is the reason.
var protections = [...]Reason{Allowlisted, Self, Admin, ServiceAccount, ProtectedRole, UnsafeID}

// protects reports whether the protection applies to u.
func (p *Policy) protects(protection Reason, u *User) bool {
	switch protection {
	case Allowlisted:
		return p.isNamed(Allowlisted, u)
	case Self:
		return p.isSelf(u)
	case Admin:
		return p.ProtectAdmins && u.Admin
	case ServiceAccount:
		return p.ProtectServiceAccounts && u.ServiceAccount
	case ProtectedRole:
		// Roles that the directory did not give could be protected ones.
		return p.ProtectRoles.Len() > 0 && (u.Roles == nil || p.isNamed(ProtectedRole, u))
	default: // UnsafeID
		return !SafeID(u.ID)
	}
}

// Decide returns the decision about u. Only an account whose last login is known to
// be before a cutoff, or that is known never to have logged in where the policy
// removes those, is ever disabled or removed.
func (p *Policy) Decide(u User, now time.Time) Decision { return p.decide(&u, u.lastUse(now), now) }

// decide is Decide with the last use of u, which is known already.
func (p *Policy) decide(u *User, used lastUse, now time.Time) Decision {
	for _, protection := range protections {
		if p.protects(protection, u) {
			return Decision{Keep, protection}
		}
	}
	return p.decideByLogin(u, used, now)
}

// decideByLogin decides for the first step whose cutoff the account was not used since,
// and that applies to accounts that are disabled, or enabled, as this one is.
func (p *Policy) decideByLogin(u *User, used lastUse, now time.Time) Decision {
	var kept Reason
	steps, n := p.steps(now)
	for _, s := range steps[:n] {
		reason, unused := p.unusedSince(u, used, s.cutoff, now)
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

// unusedSince reports whether u is known not to have been used since the cutoff, with
// the reason for either answer.
func (p *Policy) unusedSince(u *User, used lastUse, cutoff, now time.Time) (Reason, bool) {
	login, activity := &used.login, &used.activity
	// The span without a login has to be as long where the logins of late are not known.
	known := cutoff
	if !u.KnownUntil.IsZero() {
		known = cutoff.Add(-max(0, now.Sub(u.KnownUntil)))
	}
	switch {
	case login.since(cutoff), activity.since(cutoff):
		return Active, false
	case activity.State == LoginUnreadable:
		return LastLoginUnknown, false
	case login.NotAfter && p.NeverLoggedIn != NeverRemove && p.NeverLoggedIn != NeverRemoveUndated:
		return LastLoginUnknown, false // it may never have logged in
	case login.State == LoginKnown && login.At.Before(known):
		return Inactive, true
	case login.State == LoginNever && activity.State == LoginAbsent:
		return NeverLoggedIn, p.removesNeverUsed(u, known, now)
	}
	return LastLoginUnknown, false
}

// keepsWithoutDetails reports whether the policy keeps u whatever reading it alone would
// add.
func (p *Policy) keepsWithoutDetails(u *User, now time.Time) bool {
	for _, protection := range protections {
		// Unknown roles may become known.
		if p.protects(protection, u) && (protection != ProtectedRole || u.Roles != nil) {
			return true
		}
	}
	return p.decideByLogin(u, u.lastUse(now), now).Reason == Active
}

// isSelf reports whether u is the account that the run acts as.
func (p *Policy) isSelf(u *User) bool { return p.isCaller(u) || p.isNamed(Self, u) }

// lastUse is the last login of an account, and its newest other activity; activity is
// LoginAbsent if there was none.
type lastUse struct{ login, activity LastLogin }

// lastUse returns that of the account as far as it is plausible.
func (u *User) lastUse(now time.Time) lastUse {
	created := u.Created
	if u.LastLogin.NotAfter && !plausible(created, now) {
		created = u.FirstSeen // which is enough to know that it is not newer than the log
	}
	used := lastUse{login: u.LastLogin.Normalize(created, now)}
	if !u.LastActivity.IsZero() {
		used.activity = LoginAt(u.LastActivity).Normalize(time.Time{}, now)
	}
	return used
}

// removesNeverUsed reports whether the policy acts on u, which never logged in: whether u
// was created before the cutoff, or need not have a creation date and no ledger saw it first
// after the cutoff.
func (p *Policy) removesNeverUsed(u *User, cutoff, now time.Time) bool {
	old := plausible(u.Created, now) && u.Created.Before(cutoff)
	switch p.NeverLoggedIn {
	case NeverRemove:
		return old
	case NeverRemoveUndated:
		return old || u.Undated && u.Created.IsZero() && (u.FirstSeen.IsZero() || u.FirstSeen.Before(cutoff))
	case NeverKeep:
	}
	return false
}
