package job

import (
	"cmp"
	"fmt"
	"time"
)

// Doubts are what the guards say of the data of a plan without candidates: there is nothing
// to refuse, but a plan with candidates would be refused.
func (l Limits) Doubts(pl *Plan) []Refusal {
	if len(pl.Candidates) > 0 {
		return nil
	}
	return l.doubts(pl)
}

// doubts are the refusals of the guards that judge the data and not the candidates.
func (l Limits) doubts(pl *Plan) []Refusal {
	var refusals []Refusal
	nobody := l.RequireActive && pl.LoggedIn == 0
	if nobody {
		refusals = append(refusals, l.nobodyActive(pl))
	}
	known := pl.NewestLogin.After(year2000)
	if span := silence(pl.NewestLogin, pl.At); span >= l.MaxSilence && (known || !nobody) {
		found := "no last login is known of any of " + accounts(pl.Scanned) + ", the caller's aside"
		if known {
			found = fmt.Sprintf("the newest last login of %s, the caller's aside, is %s", accounts(pl.Scanned), ago(pl.NewestLogin, pl.At))
		}
		refusals = append(refusals, l.silent(span, known, found, "the directory has stopped recording logins, as after a move to single sign-on"))
	}
	if span := silence(pl.Activity.newest, pl.At); span >= l.MaxSilence && pl.Activity.rows > 0 {
		known := pl.Activity.newest.After(year2000)
		found := "no row of the activity file has a last login"
		if known {
			found = "the newest last login in the activity file is " + ago(pl.Activity.newest, pl.At)
		}
		refusals = append(refusals, l.silent(span, known, found, "nothing renews DORMANT_ACTIVITY_FILE"))
	}
	if m := pl.Activity; 2*m.matched < m.rows {
		refusals = append(refusals, Refusal{
			Guard: GuardActivityFile, Found: m.matched, Allowed: (m.rows + 1) / 2, Variable: "DORMANT_ACTIVITY_FILE",
			Message: fmt.Sprintf("of %s of the activity file, %d match an account, and half of them have to, which is %d: "+
				"most likely DORMANT_ACTIVITY_FILE is about another directory, or gives its accounts other names; "+
				"correct it, or leave out the rows about nobody here", plural(m.rows, "row"), m.matched, (m.rows+1)/2),
		})
	}
	for _, n := range pl.AliveIn {
		refusals = append(refusals, l.doubtsOf(n, pl.At)...)
	}
	return refusals
}

// doubtsOf are the refusals of a further directory that proves the life of nobody, or no longer
// does.
func (l Limits) doubtsOf(n AliveCount, now time.Time) []Refusal {
	span := silence(n.Newest, now)
	switch {
	case n.Alive == 0:
		return []Refusal{{
			Guard: GuardAliveIn, Found: 0, Allowed: 1, Variable: "DORMANT_ALIVE_IN",
			Message: fmt.Sprintf("none of %s in %s, the caller's aside, is known to have been used after the cutoff, and a directory in DORMANT_ALIVE_IN has to have one: "+
				"most likely its last logins are wrong or missing, so that it protects nobody: check its profile and what its credentials may see, or take it out", accounts(n.Scanned), n.Name),
		}}
	case span >= l.MaxSilence:
		found := fmt.Sprintf("the newest use of %s in %s (DORMANT_ALIVE_IN), the caller's aside, is %s", accounts(n.Scanned), n.Name, ago(n.Newest, now))
		return []Refusal{l.silent(span, true, found, "that directory has stopped recording logins")}
	}
	return nil
}

// nobodyActive is the refusal of a directory in which nobody is known to have logged in.
func (l Limits) nobodyActive(pl *Plan) Refusal {
	remedy := cmp.Or(l.Remedy, "check the profile and what the credentials may see; DORMANT_REQUIRE_ACTIVE=false turns this guard off")
	return Refusal{
		Guard: GuardRequireActive, Found: 0, Allowed: 1, Variable: "DORMANT_REQUIRE_ACTIVE",
		Message: fmt.Sprintf("none of %s, the caller's aside, is known to have logged in after the cutoff%s, and DORMANT_REQUIRE_ACTIVE asks for one: "+
			"most likely the last logins are wrong or missing: %s", accounts(pl.Scanned), unknownLogins(pl.Unknown), remedy),
	}
}

// silent is the refusal of last logins that have stopped moving; known says whether there
// are any at all.
func (l Limits) silent(span time.Duration, known bool, found, cause string) Refusal {
	r := Refusal{Guard: GuardMaxSilence, Found: days(span), Allowed: days(l.MaxSilence), Variable: "DORMANT_MAX_SILENCE"}
	r.Message = fmt.Sprintf("%s; DORMANT_MAX_SILENCE asks for one in the last %s: most likely %s, and then everybody seems to be inactive", found, dayCount(l.MaxSilence), cause)
	if known {
		r.Message += fmt.Sprintf("; raise DORMANT_MAX_SILENCE to %dd if nobody has logged in since", days(span)+1)
	}
	return r
}

// silence is the time since the newest login, at most since the earliest that is believed.
func silence(newest, now time.Time) time.Duration {
	if newest.Before(year2000) {
		newest = year2000
	}
	return now.Sub(newest)
}

// ago is a time, and how long before now it was.
func ago(t, now time.Time) string {
	return fmt.Sprintf("of %s, %s before this run (%s)", t.UTC().Format(time.RFC3339), dayCount(now.Sub(t)), now.UTC().Format(time.RFC3339))
}

// days are the whole days of a span.
func days(d time.Duration) int { return int(d / day) }

func dayCount(d time.Duration) string { return plural(days(d), "day") }
