package simulation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dormant/job"
)

// policyModel is the oracle for policy and guards: a second, independent
// implementation that shares no code with package job.
type policyModel struct {
	inactiveFor  time.Duration
	since        time.Time // instead of inactiveFor
	never        string
	disableOnly  bool
	disableAfter time.Duration
	onlyDisabled bool
	allowlist    []string
	roles        []string
	actor        []string
	admins, bots bool // whether they are protected

	grace time.Duration // 0: none

	maxRemovals int
	maxPercent  float64
	needActive  bool
	silence     time.Duration // after which logins are no longer believed to be recorded
	recheck     bool
	dryRun      bool
}

const day = 24 * time.Hour

func newPolicyModel(r *rand.Rand, s *system, actor []string) policyModel {
	p := policyModel{
		inactiveFor: []time.Duration{30 * day, 90 * day, 365 * day}[r.IntN(3)],
		never:       []string{"keep", "remove", "remove-undated"}[r.IntN(3)],
		actor:       actor,
		admins:      r.IntN(4) > 0, bots: r.IntN(4) > 0,
		maxRemovals: 1000, maxPercent: 100,
		silence:    []time.Duration{14 * day, 60 * day, 10_000 * day}[r.IntN(3)],
		needActive: r.IntN(2) == 0, recheck: r.IntN(5) > 0, dryRun: r.IntN(10) == 0,
	}
	switch r.IntN(6) {
	case 0:
		p.maxRemovals = r.IntN(6)
	case 1:
		p.maxPercent = float64(r.IntN(60))
	}
	if len(s.cannot) == 0 {
		switch r.IntN(5) {
		case 0:
			p.disableOnly = true
		case 1:
			p.disableAfter = p.inactiveFor / time.Duration(2+r.IntN(3))
		case 2:
			p.disableAfter, p.onlyDisabled = p.inactiveFor/2, true
		case 3:
			p.onlyDisabled = true
		}
	}
	if !p.disableOnly && r.IntN(4) == 0 {
		p.grace = time.Duration(1+r.IntN(20)) * day
	}
	if r.IntN(3) == 0 {
		p.allowlist = []string{"*2@mail.test", "user-1?", "NOBODY"}[:1+r.IntN(3)]
	}
	if r.IntN(4) == 0 {
		p.roles = []string{"Fin*", "nobody"}[:1+r.IntN(2)]
	}
	return p
}

// configure sets the policy and its guards in the configuration of a run.
func (p policyModel) configure(c *job.Cleanup) error {
	c.Policy = job.Policy{
		InactiveFor: p.inactiveFor, InactiveSince: p.since, NeverLoggedIn: job.NeverPolicy(p.never),
		DisableOnly: p.disableOnly, DisableAfter: p.disableAfter, RequireDisabled: p.onlyDisabled,
		Actor: job.ExactNames(p.actor...), ProtectAdmins: p.admins, ProtectServiceAccounts: p.bots,
	}
	c.Limits = job.Limits{MaxRemovals: p.maxRemovals, MaxRemovalPercent: p.maxPercent, RequireActive: p.needActive, MaxSilence: p.silence}
	c.Recheck, c.DryRun = p.recheck, p.dryRun
	allowlist, err := job.ParseEntries(p.allowlist)
	if err != nil {
		return err
	}
	roles, err := job.ParseRoles(p.roles)
	c.Policy.Allowlist, c.Policy.ProtectRoles = job.NewEntries(allowlist...), job.NewEntries(roles...)
	return err
}

func (p policyModel) String() string {
	return fmt.Sprintf("for %v never=%s disableOnly=%t disableAfter=%v onlyDisabled=%t allow=%q roles=%q admins=%t bots=%t max=%d/%g%% active=%t silence=%v recheck=%t dry=%t grace=%v",
		p.inactiveFor, p.never, p.disableOnly, p.disableAfter, p.onlyDisabled, p.allowlist, p.roles, p.admins, p.bots,
		p.maxRemovals, p.maxPercent, p.needActive, p.silence, p.recheck, p.dryRun, p.grace)
}

// cutoff returns the time before which the last use of a removed account has to be.
func (p policyModel) cutoff(now time.Time) time.Time {
	if !p.since.IsZero() {
		return p.since
	}
	return now.Add(-p.inactiveFor)
}

// firstCutoff is the cutoff of the first action: of disabling, if that comes before
// removal.
func (p policyModel) firstCutoff(now time.Time) time.Time {
	if p.disableAfter > 0 {
		return now.Add(-p.disableAfter)
	}
	return p.cutoff(now)
}

// decide returns what may be done to the account, opRemove or opDisable; if nothing,
// the reason to keep it.
func (p policyModel) decide(t observation, self []string, now time.Time) (action operation, why string) {
	switch {
	case matches(p.allowlist, t.id, t.username, t.email):
		return "", "allowlisted"
	case isOneOf(append(self, p.actor...), t.id, t.username, t.email):
		return "", "self"
	case t.admin && p.admins:
		return "", "admin"
	case t.bot && p.bots:
		return "", "service_account"
	case len(p.roles) > 0 && (t.roles == nil || matches(p.roles, t.roles...)):
		return "", "protected_role"
	case !safeID(t.id):
		return "", "unsafe_id"
	}
	unused, why := p.unused(t, p.cutoff(now), now)
	switch {
	case unused && p.disableOnly && t.disabled:
		return "", "already_disabled"
	case unused && p.disableOnly:
		return opDisable, ""
	case unused && (!p.onlyDisabled || t.disabled) && p.graceOver(t, now):
		return opRemove, ""
	case unused && (!p.onlyDisabled || t.disabled) && (p.disableAfter == 0 || t.disabled):
		return "", "in_grace"
	case p.disableAfter == 0 && unused:
		return "", "not_disabled"
	case p.disableAfter == 0:
		return "", why
	}
	switch unused, why := p.unused(t, now.Add(-p.disableAfter), now); {
	case unused && t.disabled:
		return "", "already_disabled"
	case unused:
		return opDisable, ""
	default:
		return "", why
	}
}

// graceOver reports whether an earlier run found the account unused, the grace since
// then has ended, and the account was not used since.
func (p policyModel) graceOver(t observation, now time.Time) bool {
	if p.grace == 0 {
		return true
	}
	used := t.created
	if t = effectiveLogin(t, now); t.login == loginKnown {
		used = t.at
		if plausible(t.created, now) && t.created.After(used) {
			used = t.created
		}
	}
	if t.action.After(used) && plausible(t.action, now) {
		used = t.action
	}
	return !t.warned.IsZero() && !used.After(t.warned) && !now.Before(t.warned.Add(p.grace))
}

func plausible(t, now time.Time) bool {
	return t.Year() >= 2000 && !t.After(now.Add(day))
}

// unused reports whether the account is known not to have been used since the given
// time; if not, it returns the reason to keep the account.
func (p policyModel) unused(t observation, since, now time.Time) (bool, string) {
	t = effectiveLogin(t, now)
	acted := !t.action.IsZero()
	old := since // before which a login has to be, so that there was none for as long as is asked for
	if !t.until.IsZero() && t.until.Before(now) {
		old = since.Add(t.until.Sub(now))
	}
	switch {
	case t.login == loginKnown && !t.notAfter && !t.at.Before(since), acted && plausible(t.action, now) && !t.action.Before(since):
		return false, "active"
	case acted && !plausible(t.action, now):
		return false, "last_login_unknown"
	case t.notAfter && t.login == loginKnown && p.never == "keep":
		return false, "last_login_unknown" // there may have been none
	case t.login == loginKnown && t.at.Before(old):
		return true, ""
	case t.login == loginNever && !acted:
		dated := plausible(t.created, now) && t.created.Before(old)
		undated := t.created.IsZero() && t.undated && (t.firstSeen.IsZero() || t.firstSeen.Before(old))
		return p.never == "remove" && dated || p.never == "remove-undated" && (dated || undated), "never_logged_in"
	}
	return false, "last_login_unknown"
}

// effectiveLogin returns t with the state that its last login has after the checks for
// plausibility.
func effectiveLogin(t observation, now time.Time) observation {
	sentinel := t.created.AddDate(-t.neverYears, 0, 0)
	switch {
	case t.login != loginKnown:
	case t.neverYears > 0 && !t.notAfter && t.at.After(sentinel.Add(-day)) && t.at.Before(sentinel.Add(day)):
		t.login = loginNever
	case !plausible(t.at, now):
		t.login = loginUnknown
	case t.notAfter && !plausible(t.created, now) && !plausible(t.firstSeen, now):
		t.login = loginNotTold // the account may be too new for any log
	case t.notAfter && t.at.Before(t.created):
		t.login = loginNever
	case plausible(t.created, now) && t.at.Before(t.created.Add(-day)):
		t.login = loginNotTold // whatever it is, it is not known to be a login of this account
	}
	return t
}

// guards returns the names of the guards that refuse n candidates, and without any those
// of which a report warns.
func (p policyModel) guards(n int, pl planModel, now time.Time) (refusing, doubts []string) {
	if n > p.maxRemovals {
		refusing = append(refusing, "max_removals")
	}
	if float64(n)*100 > float64(pl.scanned)*p.maxPercent+1e-6 {
		refusing = append(refusing, "max_removal_percent")
	}
	nobody := p.needActive && pl.active == 0
	if nobody {
		doubts = append(doubts, "require_active")
	}
	earliest := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // no earlier login is believed
	if newest := later(pl.newest, earliest); !newest.After(now.Add(-p.silence)) && (!nobody || !pl.newest.IsZero()) {
		doubts = append(doubts, "max_silence")
	}
	if pl.rows > 0 && !later(pl.newestRow, earliest).After(now.Add(-p.silence)) {
		doubts = append(doubts, "max_silence")
	}
	if pl.matched*2 < pl.rows {
		doubts = append(doubts, "activity_file")
	}
	switch e := pl.elsewhere; {
	case e == nil:
	case e.alive == 0:
		doubts = append(doubts, "alive_in")
	case !e.newest.After(now.Add(-p.silence)):
		doubts = append(doubts, "max_silence")
	}
	if n > 0 {
		refusing, doubts = append(refusing, doubts...), nil
	}
	if pl.movedBack*100 > pl.scanned {
		refusing = append(refusing, "logins_moved_back")
	}
	return refusing, doubts
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func isOneOf(names []string, of ...string) bool {
	for _, name := range names {
		for _, is := range of {
			if name != "" && strings.EqualFold(name, is) {
				return true
			}
		}
	}
	return false
}

// matches reports whether one of the globs matches one of the names.
func matches(globs []string, names ...string) bool {
	for _, g := range globs {
		for _, name := range names {
			if name != "" && glob(strings.ToLower(g), strings.ToLower(name)) {
				return true
			}
		}
	}
	return false
}

func glob(g, name string) bool {
	switch {
	case g == "":
		return name == ""
	case g[0] == '*':
		return glob(g[1:], name) || name != "" && glob(g, name[1:])
	}
	return name != "" && (g[0] == '?' || g[0] == name[0]) && glob(g[1:], name[1:])
}

// safeID reports whether an id addresses exactly one account as a segment of a URL.
func safeID(id string) bool {
	return id != "" && id != "." && id != ".." && len(id) <= 512 && id == strings.TrimSpace(id) && utf8.ValidString(id) &&
		strings.IndexFunc(id, unicode.IsControl) < 0 && !strings.ContainsAny(id, `/\?#%;`)
}
