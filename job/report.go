package job

import (
	"errors"
	"time"
)

// Outcome is how a run ended.
type Outcome string

// The outcomes of a run.
const (
	Completed   Outcome = "completed"
	DryRun      Outcome = "dry_run"
	Refused     Outcome = "refused" // by a guard
	Partial     Outcome = "partial" // finished, but some accounts could not be removed or disabled
	Failed      Outcome = "failed"
	Interrupted Outcome = "interrupted"
)

func outcomes() []Outcome {
	return []Outcome{Completed, DryRun, Refused, Partial, Failed, Interrupted}
}

// Succeeded reports whether the run did everything it was asked to do.
func (o Outcome) Succeeded() bool { return o == Completed || o == DryRun }

// Result is the result of the action for a candidate.
type Result string

// The results of an action.
const (
	WouldRemove        Result = "would_remove"  // in a dry run
	WouldDisable       Result = "would_disable" // in a dry run
	Removed            Result = "removed"
	Disabled           Result = "disabled"
	Accepted           Result = "accepted"             // the directory says that it will do it
	RefusedByDirectory Result = "refused_by_directory" // for this account, whoever asks
	AlreadyGone        Result = "already_gone"         // it was gone before this run removed it
	Kept               Result = "kept"                 // the recheck changed the decision, or the account is in grace
	NotRemoved         Result = "failed"
	NotAttempted       Result = "not_attempted"
)

func results() []Result {
	return []Result{WouldRemove, WouldDisable, Removed, Disabled, Accepted, RefusedByDirectory, AlreadyGone, Kept, NotRemoved, NotAttempted}
}

// Report is what a run found and did.
type Report struct {
	Schema     int       `json:"schema"`            // of the JSON; it grows when a key changes its meaning
	Version    string    `json:"version,omitempty"` // of the program
	RunID      string    `json:"run_id"`
	Command    string    `json:"command"`
	DryRun     bool      `json:"dry_run"`
	Outcome    Outcome   `json:"outcome"`
	Profile    string    `json:"profile"`
	URL        string    `json:"url"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Cutoff     time.Time `json:"cutoff"`

	// DisableCutoff is the cutoff for accounts to disable; nil if the policy disables
	// none, and equal to Cutoff if it removes none.
	DisableCutoff *time.Time `json:"disable_cutoff,omitempty"`

	// Extras are what a removal destroys besides the account, each by the name of the
	// parameter that turns it on.
	Extras map[string]string `json:"extras,omitempty"`

	// Ledger is what the runs of this directory remember; nil without a ledger.
	Ledger *LedgerReport `json:"ledger,omitempty"`

	// Digest is that of the plan; in a run that applies a plan under review, of that one.
	// ApprovedBy is who agreed to it.
	Digest     string `json:"digest,omitempty"`
	ApprovedBy string `json:"approved_by,omitempty"`

	Counts   Counts    `json:"counts"`
	Refusals []Refusal `json:"refusals"`
	Warnings []Warning `json:"warnings"`          // what to look at before the next run
	Control  *Control  `json:"control,omitempty"` // nil if there was no plan
	Accounts Accounts  `json:"accounts"`          // the candidates, the longest inactive first, then the accounts in grace
	Exempt   Accounts  `json:"exempt"`            // the other accounts that were not used since the first cutoff, or of unknown use
	Error    string    `json:"error,omitempty"`

	NotStarted bool  `json:"-"` // the run could not begin: no request was sent
	Planned    bool  `json:"-"` // the whole directory was read, so that there was a plan
	Err        error `json:"-"` // why the run failed or was interrupted
}

// Counts are numbers of accounts by result. An account that was kept by the recheck counts
// both as a candidate and as kept.
type Counts struct {
	Scanned            int               `json:"scanned"`
	Candidates         int               `json:"candidates"`
	Removed            int               `json:"removed"`
	Disabled           int               `json:"disabled"`
	Accepted           int               `json:"accepted"`
	RefusedByDirectory int               `json:"refused_by_directory"`
	AlreadyGone        int               `json:"already_gone"`
	Failed             int               `json:"failed"`
	NotAttempted       int               `json:"not_attempted"`
	Kept               map[Reason]int    `json:"kept"`
	States             map[UserState]int `json:"states,omitempty"` // as planned; they add up to Scanned
}

// Account is a candidate in a report, or an account in grace.
type Account struct {
	ID           string     `json:"id"`
	Username     string     `json:"username"`
	Email        string     `json:"email"`
	LastLogin    *time.Time `json:"last_login"`    // null if there was none, or only NotAfter is known
	InactiveDays *int       `json:"inactive_days"` // null if unknown
	Action       Action     `json:"action"`
	Reason       Reason     `json:"reason"`
	Result       Result     `json:"result"`
	Error        string     `json:"error"`

	RemovableAt *time.Time `json:"removable_at,omitempty"` // the end of its grace, if it is kept until then

	// Of an exempt account: Exempt, UnknownUse or NewlyMade, and what the allowlist says.
	State UserState `json:"state,omitempty"`
	Until string    `json:"until,omitempty"` // the last day on which it is exempt, as YYYY-MM-DD
	Owner string    `json:"owner,omitempty"`
	Note  string    `json:"note,omitempty"`

	NotAfter     *time.Time `json:"-"` // an upper bound for a last login that is not known exactly
	LoginUnknown bool       `json:"-"` // whether there was a login is not known
}

func (a *Account) status() Status { return Status{a.Action, a.Reason, a.Result} }

// newAccount returns the entry of a candidate before any action.
func newAccount(c Candidate, now time.Time) Account {
	a := Account{
		ID: c.User.ID, Username: c.User.Username, Email: c.User.Email,
		Action: c.Action, Reason: c.Reason, Result: NotAttempted,
	}
	login := c.User.lastUse(now).login
	a.LoginUnknown = login.State != LoginKnown && login.State != LoginNever
	if login.State == LoginKnown {
		at := login.At.UTC().Truncate(time.Second)
		if login.NotAfter {
			a.NotAfter = &at
		} else {
			a.LastLogin = &at
		}
	}
	if !c.InactiveSince.IsZero() {
		days := int(now.Sub(c.InactiveSince).Hours() / 24)
		a.InactiveDays = &days
	}
	if c.Reason == InGrace {
		a.Result, a.RemovableAt = Kept, new(wholeSecond(c.RemovableAt))
	}
	return a
}

// count adds the results of the accounts to the counts.
func (r *Report) count() {
	for a := range r.Accounts.Statuses() {
		switch a.Result {
		case Removed:
			r.Counts.Removed++
		case Disabled:
			r.Counts.Disabled++
		case Accepted:
			r.Counts.Accepted++
		case RefusedByDirectory:
			r.Counts.RefusedByDirectory++
		case AlreadyGone:
			r.Counts.AlreadyGone++
		case NotRemoved:
			r.Counts.Failed++
		case NotAttempted:
			r.Counts.NotAttempted++
		case Kept:
			r.Counts.Kept[a.Reason]++
		case WouldRemove, WouldDisable:
		}
	}
}

// detailer is an error with details that must not be logged, such as a server's message,
// which may name the account.
type detailer interface{ Detail() string }

// WithDetail returns err with a detail that Describe shows and a log does not.
func WithDetail(err error, detail string) error { return &detailedError{err, detail} }

type detailedError struct {
	error
	detail string
}

func (e *detailedError) Detail() string { return e.detail }
func (e *detailedError) Unwrap() error  { return e.error }

// Describe returns the text of an error for a report or for the person at a terminal,
// including its details. A log has the error's own text alone.
func Describe(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if d := detailer(nil); errors.As(err, &d) && d.Detail() != "" {
		text += ": " + d.Detail()
	}
	return text
}
