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

// Succeeded reports whether the run did all that it was asked to do.
func (o Outcome) Succeeded() bool { return o == Completed || o == DryRun }

// Result is what became of a candidate.
type Result string

// The results of an action.
const (
	WouldRemove  Result = "would_remove"  // in a dry run
	WouldDisable Result = "would_disable" // likewise
	Removed      Result = "removed"
	Disabled     Result = "disabled"
	AlreadyGone  Result = "already_gone" // somebody else removed it
	Kept         Result = "kept"         // a second look changed the decision, or it is in grace
	NotRemoved   Result = "failed"
	NotAttempted Result = "not_attempted"
)

func results() []Result {
	return []Result{WouldRemove, WouldDisable, Removed, Disabled, AlreadyGone, Kept, NotRemoved, NotAttempted}
}

// Report is what a run found and did.
type Report struct {
	RunID      string    `json:"run_id"`
	Command    string    `json:"command"`
	DryRun     bool      `json:"dry_run"`
	Outcome    Outcome   `json:"outcome"`
	Profile    string    `json:"profile"`
	URL        string    `json:"url"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Cutoff     time.Time `json:"cutoff"`

	// DisableCutoff is the cutoff for accounts that are disabled, if any are.
	// It is Cutoff if none are removed.
	DisableCutoff *time.Time `json:"disable_cutoff,omitempty"`

	Counts   Counts    `json:"counts"`
	Refusals []Refusal `json:"refusals"`
	Accounts []Account `json:"accounts"` // the candidates, the longest inactive first, and then those in grace
	Error    string    `json:"error,omitempty"`

	NotBegun bool  `json:"-"` // the directory was not even asked
	Planned  bool  `json:"-"` // the whole directory was read
	Err      error `json:"-"` // why the run failed or was interrupted
}

// Counts counts accounts by what became of them. An account that was kept on
// the second look is counted both as a candidate and as kept.
type Counts struct {
	Scanned      int            `json:"scanned"`
	Candidates   int            `json:"candidates"`
	Removed      int            `json:"removed"`
	Disabled     int            `json:"disabled"`
	AlreadyGone  int            `json:"already_gone"`
	Failed       int            `json:"failed"`
	NotAttempted int            `json:"not_attempted"`
	Kept         map[Reason]int `json:"kept"`
}

// Account is a candidate in a report, or one that will be when its grace has ended.
type Account struct {
	ID           string     `json:"id"`
	Username     string     `json:"username"`
	Email        string     `json:"email"`
	LastLogin    *time.Time `json:"last_login"`    // null if there was none, or no more is known than NotAfter
	InactiveDays *int       `json:"inactive_days"` // null if not known
	Action       Action     `json:"action"`
	Reason       Reason     `json:"reason"`
	Result       Result     `json:"result"`
	Error        string     `json:"error"`

	RemovableAt *time.Time `json:"removable_at,omitempty"` // when its grace ends, if it is kept until then

	NotAfter *time.Time `json:"-"` // the latest that a last login can have been of which no more is known
}

// newAccount is a candidate's line before anything has been done with it.
func newAccount(c Candidate, now time.Time) Account {
	a := Account{
		ID: c.User.ID, Username: c.User.Username, Email: c.User.Email,
		Action: c.Action, Reason: c.Reason, Result: NotAttempted,
	}
	if login, _ := c.User.evidence(now); login.State == LoginKnown {
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

// count brings the counts of what was done in line with the accounts.
func (r *Report) count() {
	for _, a := range r.Accounts {
		switch a.Result {
		case Removed:
			r.Counts.Removed++
		case Disabled:
			r.Counts.Disabled++
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

// detailed is an error that knows more than logs may say, such as a server's
// own words, in which it may name the account.
type detailed interface{ Detail() string }

// describe is the error as a report shows it.
func describe(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if d := detailed(nil); errors.As(err, &d) && d.Detail() != "" {
		text += ": " + d.Detail()
	}
	return text
}
