package client

import (
	"fmt"
	"hash/maphash"
	"strings"

	"dormant/job"
)

// seenAccounts are the accounts of a listing so far. They show whether a page
// repeats, or has some accounts that have only moved from another page.
type seenAccounts struct {
	seed     maphash.Seed
	accounts map[string]seenAccount // by id
	page     int                    // the page that is being read
	new      int                    // accounts on it that were on no page before
	repeated int                    // accounts on it that were on another page before
}

type seenAccount struct {
	page    int
	attempt int    // to read the page, that brought it last
	hash    uint64 // of what was read of it
}

func newSeenAccounts() *seenAccounts {
	return &seenAccounts{seed: maphash.MakeSeed(), accounts: map[string]seenAccount{}}
}

func (s *seenAccounts) len() int { return len(s.accounts) }

// add notes an account and reports whether it is new. It returns an error if
// another account with the same id came before, because a removal could then be
// about the wrong one, or if the page before this one only repeated others. The
// error is job.ErrChanged if another reading may be without it.
func (s *seenAccounts) add(u job.User, it item) (isNew bool, err error) {
	if it.page != s.page {
		if err := s.checkPage(); err != nil {
			return false, err
		}
		s.page, s.new, s.repeated = it.page, 0, 0
	}
	before, known := s.accounts[u.ID]
	switch hash := s.hash(u); {
	case !known:
		s.accounts[u.ID] = seenAccount{page: it.page, attempt: it.attempt, hash: hash}
		s.new++
		return true, nil
	case before.hash == hash && before.page == it.page:
		before.attempt = it.attempt
		s.accounts[u.ID] = before
	case before.hash == hash:
		s.repeated++
	case before.page == it.page && before.attempt == it.attempt:
		return false, fmt.Errorf("account %q is on the page twice, with different contents: the id is not unique", u.ID)
	default:
		return false, fmt.Errorf("account %q was on page %d with other contents, perhaps another last login: "+
			"the id is not unique, or %w", u.ID, before.page, job.ErrChanged)
	}
	return false, nil
}

// hash is that of all that was read of an account.
func (s *seenAccounts) hash(u job.User) uint64 {
	extra := ""
	if len(u.Extra) > 0 {
		extra = fmt.Sprint(u.Extra)
	}
	return maphash.Comparable(s.seed, struct {
		username, email, aliases, roles string
		extra                           string
		admin, service, off             bool
		login                           job.LoginState
		at, created                     int64
	}{u.Username, u.Email, strings.Join(u.Aliases, "\x00"), strings.Join(u.Roles, "\x00"), extra, u.Admin, u.ServiceAccount, u.Disabled, u.LastLogin.State, u.LastLogin.At.UnixNano(), u.Created.UnixNano()})
}

// checkPage returns an error if all accounts of the page were on earlier ones.
func (s *seenAccounts) checkPage() error {
	if s.repeated > 0 && s.new == 0 {
		return fmt.Errorf("page %d has only accounts of earlier pages, so the listing repeats, or %w", s.page, job.ErrChanged)
	}
	return nil
}

// checkAttempts returns an error if an account of a listing in one response came
// with a failed attempt, and not with the one that succeeded.
func (s *seenAccounts) checkAttempts(p *pagination) error {
	for id, account := range s.accounts {
		if !p.listing.IsPaged() && account.attempt < p.attempts {
			return fmt.Errorf("account %q was in a response that was cut short, and not in the next: %w", id, job.ErrChanged)
		}
	}
	return nil
}
