package job

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
)

// Accounts are the accounts of a report. Each Account is made when it is looked at, because
// there may be very many.
type Accounts struct {
	n      int
	status func(i int) Status
	at     func(i int) Account
}

// Status is what was decided about an account, and what became of it.
type Status struct {
	Action Action
	Reason Reason
	Result Result
}

// ListAccounts makes a list of the accounts.
func ListAccounts(list ...Account) Accounts {
	return Accounts{len(list), func(i int) Status { return list[i].status() }, func(i int) Account { return list[i] }}
}

// Len returns how many accounts there are.
func (as Accounts) Len() int { return as.n }

// At returns the account with the index.
func (as Accounts) At(i int) Account { return as.at(i) }

// Status returns the status of the account with the index, without making all of it.
func (as Accounts) Status(i int) Status { return as.status(i) }

// Slice returns the accounts from the index on, up to the one with the index end.
func (as Accounts) Slice(from, end int) Accounts {
	return Accounts{
		end - from,
		func(i int) Status { return as.status(from + i) },
		func(i int) Account { return as.at(from + i) },
	}
}

// All yields the accounts with their indexes.
func (as Accounts) All() iter.Seq2[int, Account] {
	return func(yield func(int, Account) bool) {
		for i := range as.n {
			if !yield(i, as.at(i)) {
				return
			}
		}
	}
}

// Statuses yields the statuses of all accounts, in their order.
func (as Accounts) Statuses() iter.Seq[Status] {
	return func(yield func(Status) bool) {
		for i := range as.n {
			if !yield(as.status(i)) {
				return
			}
		}
	}
}

// List returns all accounts.
func (as Accounts) List() []Account {
	list := make([]Account, 0, as.n)
	for _, a := range as.All() {
		list = append(list, a)
	}
	return list
}

// MarshalJSON makes a list of them.
func (as Accounts) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // whoever writes the list into a page has to
	err := encoder.Encode(as.List())
	return text.Bytes(), err
}

// UnmarshalJSON reads a list.
func (as *Accounts) UnmarshalJSON(text []byte) error {
	var list []Account
	err := json.Unmarshal(text, &list)
	*as = ListAccounts(slices.Clip(list)...)
	return err
}

// ended is what became of a candidate.
type ended struct {
	Status
	err string
}

// notAttempted is what became of a candidate if the run did not come to it.
func (pl *Plan) notAttempted(i int) ended {
	d := pl.Candidates[i].planned
	return ended{Status: Status{d.Action, d.Reason, NotAttempted}}
}

// inDryRun is what became of a candidate in a dry run.
func (pl *Plan) inDryRun(i int) ended {
	d := pl.Candidates[i].planned
	return ended{Status: Status{d.Action, d.Reason, actionTerms[d.Action].dryRun}}
}

// accountsOf are those of the plan: the candidates, each with what became of it, and then the
// accounts in grace.
func (pl *Plan) accountsOf(became func(i int) ended) Accounts {
	candidates := len(pl.Candidates)
	return Accounts{
		n: candidates + len(pl.InGrace),
		status: func(i int) Status {
			if i >= candidates {
				return Status{Keep, InGrace, Kept}
			}
			return became(i).Status
		},
		at: func(i int) Account {
			if i >= candidates {
				return newAccount(pl.InGrace.At(i-candidates), pl.At)
			}
			a, end := newAccount(pl.Candidates.At(i), pl.At), became(i)
			a.Action, a.Reason, a.Result, a.Error = end.Action, end.Reason, end.Result, end.err
			return a
		},
	}
}
