package job

import (
	"fmt"
	"strings"
)

// Warning is something that the operator should look at before the next run. It may name
// accounts, so it is for reports and not for the log.
type Warning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Subject string `json:"subject"` // what it is about, such as an entry or a variable

	entry int // the number of the entry in its list, or 0
}

// The codes of warnings. An entry that is unmatched stands for nobody in the directory; with
// a near match it keeps an account that it would be the name of but for a slip.
const (
	WarnAllowlistUnmatched = "allowlist_unmatched"
	WarnAllowlistNearMatch = "allowlist_near_match"
	WarnRoleUnmatched      = "role_unmatched"
	WarnRoleNearMatch      = "role_near_match"
	WarnActorUnmatched     = "actor_unmatched"
	WarnActorNearMatch     = "actor_near_match"
	WarnUsernameUnmatched  = "username_unmatched"
	WarnUsernameNearMatch  = "username_near_match"
	WarnCallerUnmatched    = "caller_unmatched" // the directory lists nobody as whom it says the caller is
	WarnActivityUnmatched  = "activity_unmatched"
	WarnActivityNearMatch  = "activity_near_match" // a row that matches nobody is nearly about an account
	WarnAliveInUnmatched   = "alive_in_unmatched"  // nobody who is alive in a further directory has an account here
	WarnSourceMissing      = "source_missing"      // a source of activity that the profile has is not there
	WarnFieldMissing       = "field_missing"       // no account has a field that the profile reads
	WarnExemptionEnds      = "exemption_ends"      // of an entry of the allowlist: within thirty days, or it has
	WarnNotNotified        = "notification_failed"
	WarnClock              = "clock"             // the directory's clock and ours differ
	WarnActivityDisputed   = "activity_disputed" // rows that name more than one account
	WarnListingChanged     = "listing_changed"   // while it was read
	WarnGraceRefusal       = "grace_refusal"     // a guard will refuse those whose grace ends on one day
	WarnLoginsMovedBack    = "logins_moved_back" // since an earlier run
	WarnLedgerMissing      = "ledger_missing"    // and would make a log of logins reach back further
)

// maxNamed is how many accounts a warning names.
const maxNamed = 5

// warning is the one about an entry that stands for nobody; kept are those that it is near.
func (nr nameRule) warning(e Entry, number int, kept []string) Warning {
	w := Warning{Code: nr.unmatched, Subject: e.Text, entry: number}
	what := fmt.Sprintf("%s %q", nr.what, e.Text)
	if e.Line > 0 {
		what += fmt.Sprintf(" (line %d of the file)", e.Line)
	}
	if len(kept) == 0 {
		w.Message = what + " " + nr.problem
		return w
	}
	w.Code = nr.near
	more := ""
	if n := len(kept) - maxNamed; n > 0 {
		kept, more = kept[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	w.Message = fmt.Sprintf("%s matches nobody, and is nearly the same as %s%s, who is kept: correct it, or take it out",
		what, strings.Join(kept, ", "), more)
	return w
}
