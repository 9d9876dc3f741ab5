package job

import (
	"fmt"
	"slices"
)

// A nameRule protects accounts by names that an operator wrote.
type nameRule struct {
	reason  Reason
	entries func(*Policy) *Entries

	what            string // an entry is called, in warnings
	problem         string // with one that stands for nobody
	unmatched, near string // the codes of the warnings
}

const (
	byAllowlist = iota
	byActor
	byUsername
	byRoles
	numNameRules
)

var nameRules = [numNameRules]nameRule{
	byAllowlist: {
		reason: Allowlisted, entries: func(p *Policy) *Entries { return &p.Allowlist },
		what: "the allowlist's entry", problem: "matches no account and protects nobody: correct it, or take it out",
		unmatched: WarnAllowlistUnmatched, near: WarnAllowlistNearMatch,
	},
	byActor: {
		reason: Self, entries: func(p *Policy) *Entries { return &p.Actor },
		what: "DORMANT_ACTOR", problem: "is the name of no account, so nobody is kept as the one who removes: correct it",
		unmatched: WarnActorUnmatched, near: WarnActorNearMatch,
	},
	byUsername: {
		reason: Self, entries: func(p *Policy) *Entries { return &p.Username },
		what: "DORMANT_USERNAME", problem: "is the name of no account, so nobody is kept as the one who removes",
		unmatched: WarnUsernameUnmatched, near: WarnUsernameNearMatch,
	},
	byRoles: {
		reason: ProtectedRole, entries: func(p *Policy) *Entries { return &p.ProtectRoles },
		what: "DORMANT_PROTECT_ROLES: the entry", problem: "matches no role of any account and protects nobody: correct it, or take it out",
		unmatched: WarnRoleUnmatched, near: WarnRoleNearMatch,
	},
}

// misses are, for each of the nameRules, the entries that stand for nobody in a directory.
// They are known once all of it has been read, and keep whom they are near.
type misses [numNameRules]*nearMisses

// names are what the entries stand for, of an account.
func (nr *nameRule) names(u *User) []forms {
	if nr.reason == ProtectedRole {
		return u.roleForms()
	}
	return u.nameForms()
}

func (ms misses) any() bool {
	return slices.ContainsFunc(ms[:], func(m *nearMisses) bool { return m.len() > 0 })
}

// isNamed reports whether a rule with the reason protects u by name.
func (p *Policy) isNamed(reason Reason, u *User) bool {
	return p.hasEntries(reason) && p.isNamedByEntries(reason, u)
}

// hasEntries reports whether anything is configured for the reason. If not, an account
// must not cost anything.
func (p *Policy) hasEntries(reason Reason) bool {
	return reason == Allowlisted && p.Allowlist.Len() > 0 ||
		reason == Self && (p.Actor.Len() > 0 || p.Username.Len() > 0) ||
		reason == ProtectedRole && p.ProtectRoles.Len() > 0
}

func (p *Policy) isNamedByEntries(reason Reason, u *User) bool {
	for i := range nameRules {
		nr := &nameRules[i]
		if nr.reason != reason {
			continue
		}
		es, ms := nr.entries(p), p.misses[i]
		if es.Len() == 0 {
			continue
		}
		names := nr.names(u)
		if _, found := es.find(names); found || len(ms.find(names)) > 0 {
			return true
		}
	}
	return false
}

// describeNames says which entry protects u for the reason.
func (p *Policy) describeNames(reason Reason, u *User) string {
	n := 0
	for i, nr := range nameRules {
		if nr.reason != reason {
			continue
		}
		if e, found := nr.entries(p).find(nr.names(u)); found {
			return fmt.Sprintf("matches %q", e.Text)
		}
		for _, near := range p.misses[i].find(nr.names(u)) {
			return fmt.Sprintf("is nearly %q, which matches nobody", p.misses[i].entries[near.entry].Text)
		}
		n += nr.entries(p).Len()
	}
	return fmt.Sprintf("matches none of %d entries", n)
}

// isCaller reports whether the directory takes the caller for u.
func (p *Policy) isCaller(u *User) bool {
	if p.Self.Len() == 0 {
		return false
	}
	_, found := p.Self.find(u.nameForms())
	return found
}

// needNames reports whether the policy has anything that accounts are compared with by name.
func (p *Policy) needNames() bool {
	return p.hasEntries(Allowlisted) || p.hasEntries(Self) || p.Self.Len() > 0
}

// sightings is which entries of a policy have stood for somebody in a directory, as far as
// it has been read.
type sightings struct {
	policy Policy
	seen   [numNameRules][]bool
	self   bool // the account that the directory says is calling
}

func newSightings(p Policy) *sightings {
	s := &sightings{policy: p}
	for i, nr := range nameRules {
		s.seen[i] = make([]bool, nr.entries(&p).Len())
	}
	return s
}

// note marks the entries that stand for u.
func (s *sightings) note(u *User) {
	for i := range nameRules {
		if nr := &nameRules[i]; len(s.seen[i]) > 0 {
			nr.entries(&s.policy).mark(nr.names(u), s.seen[i])
		}
	}
	s.self = s.self || s.policy.isCaller(u)
}

// misses returns the entries that have stood for nobody.
func (s *sightings) misses() misses {
	var ms misses
	for i, nr := range nameRules {
		ms[i] = &nearMisses{}
		if i == byUsername && s.policy.Self.Len() > 0 {
			continue // it need not be an account's, and the caller's is known
		}
		for j, e := range nr.entries(&s.policy).list {
			if !s.seen[i][j] {
				ms[i].add(e, j+1, i == byRoles)
			}
		}
	}
	return ms
}

// protectNearMisses keeps the candidates that an entry is near which stands for nobody, and
// warns about all such entries. Each account of the directory has been added.
func (pl *Plan) protectNearMisses(p Policy) {
	pl.misses = pl.sightings.misses()
	pl.ActorUnknown = p.Self.Len() == 0 && len(pl.misses[byActor].entries) > 0
	near := map[*nearEntry][]string{}
	if !pl.misses.any() { // nobody can be near one
		pl.warn(p, pl.misses, near)
		return
	}
	pl.Candidates = slices.DeleteFunc(pl.Candidates, func(c stored) bool {
		var reason Reason
		var entry *Entry
		u := c.user().user()
		for i, nr := range nameRules {
			if pl.misses[i].len() == 0 {
				continue
			}
			for _, found := range pl.misses[i].find(nr.names(&u)) {
				e := &pl.misses[i].entries[found.entry]
				near[e] = append(near[e], fmt.Sprintf("%q (id %q)", found.name, u.ID))
				if reason == "" {
					reason = nr.reason
					entry = &e.Entry
				}
			}
		}
		if reason != "" {
			pl.exempt(c, reason, entry)
		}
		return reason != ""
	})
	pl.warn(p, pl.misses, near)
}

// warn adds the warnings about entries that stand for nobody, with the accounts that they
// are near.
func (pl *Plan) warn(p Policy, ms misses, near map[*nearEntry][]string) {
	for i, nr := range nameRules {
		for j := range ms[i].entries {
			e := &ms[i].entries[j]
			pl.Warnings = append(pl.Warnings, nr.warning(e.Entry, e.number, near[e]))
		}
	}
	for _, e := range slices.Concat(p.Ended, p.Allowlist.list) {
		if e.endsSoon(pl.At) {
			pl.Warnings = append(pl.Warnings, e.warning(e, pl.At))
		}
	}
	if p.Self.Len() > 0 && !pl.sightings.self {
		pl.Warnings = append(pl.Warnings, Warning{
			Code: WarnCallerUnmatched, Subject: p.Self.list[0].Text,
			Message: "the directory says who is calling, and does not list that account",
		})
	}
}
