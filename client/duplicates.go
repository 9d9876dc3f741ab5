package client

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"

	"dormant/job"
)

// seenAccounts are the accounts of a listing so far. They show whether a page
// repeats, or has some accounts that have only moved from another page.
//
// An account is known by the hash of its id alone. Two ids with the same hash would be taken for
// one: then the listing is refused, or the second account is left alone.
type seenAccounts struct {
	seed     maphash.Seed
	paged    bool
	accounts hashTable // of sightings, by the hash of the id
	page     int       // the page that is being read
	new      int       // accounts on it that were on no page before
	repeated int       // accounts on it that were on another page before
	contents []byte    // of an account, to be hashed; kept for the next one
}

// A sighting is a hash of what was read of an account, and before it the page that it was on,
// or, where there is only one, the attempt to read it that brought it last.
type sighting uint64

const (
	whereBits = 24
	maxWhere  = 1<<whereBits - 1
)

func (s sighting) where() int                  { return int(s & maxWhere) }
func (s sighting) hasContents(h uint64) bool   { return uint64(s)>>whereBits == h>>whereBits }
func newSighting(h uint64, where int) sighting { return sighting(h&^maxWhere | uint64(where)) } //nolint:gosec // at most maxWhere

func newSeenAccounts(paged bool, seed maphash.Seed) *seenAccounts {
	return &seenAccounts{seed: seed, paged: paged}
}

// hasID reports whether there is an account with an id that has the hash.
func (s *seenAccounts) hasID(hash uint64) bool {
	_, found := s.accounts.find(hash)
	return found
}

func (s *seenAccounts) len() int { return s.accounts.count }

// close gives the memory back.
func (s *seenAccounts) close() { s.accounts.close() }

// add notes an account and reports whether it is new. It returns an error if
// another account with the same id came before, because a removal could then be
// about the wrong one, or if the page before this one only repeated others. The
// error is job.ErrChanged if another reading may be without it.
func (s *seenAccounts) add(u *job.User, it *item) (isNew bool, err error) {
	if it.page != s.page {
		if err := s.checkPage(); err != nil {
			return false, err
		}
		s.page, s.new, s.repeated = it.page, 0, 0
	}
	where := it.attempt
	if s.paged {
		where = it.page
	}
	if where > maxWhere {
		return false, fmt.Errorf("more than %d pages, so the listing does not end", maxWhere)
	}
	id, contents := maphash.String(s.seed, u.ID), s.hash(u)
	slot, known := s.accounts.find(id)
	if !known {
		s.new++
		return true, s.accounts.insert(slot, id, uint64(newSighting(contents, where)))
	}
	before := sighting(s.accounts.value(slot))
	page := before.where()
	if !s.paged {
		page = it.page
	}
	switch same := before.hasContents(contents); {
	case same && page == it.page:
		s.accounts.setValue(slot, uint64(newSighting(contents, where)))
	case same:
		s.repeated++
	case before.where() == where:
		return false, fmt.Errorf("account %q is on the page twice, with different contents: the id is not unique", u.ID)
	default:
		return false, fmt.Errorf("account %q was on page %d with other contents, perhaps another last login: "+
			"the id is not unique, or %w", u.ID, page, job.ErrChanged)
	}
	return false, nil
}

// hash is that of all that was read of an account.
func (s *seenAccounts) hash(u *job.User) uint64 {
	b := s.contents[:0]
	for _, text := range [...]string{u.Username, u.Email} {
		b = appendText(b, text)
	}
	for _, texts := range [...][]string{u.Aliases, u.Roles} {
		b = binary.AppendUvarint(b, uint64(len(texts)))
		for _, text := range texts {
			b = appendText(b, text)
		}
	}
	if len(u.Extra) > 0 {
		b = fmt.Append(b, u.Extra)
	}
	flags := u.LastLogin.State << 3
	for i, flag := range [...]bool{u.Admin, u.ServiceAccount, u.Disabled} {
		if flag {
			flags |= 1 << i
		}
	}
	b = append(b, byte(flags))
	b = binary.LittleEndian.AppendUint64(b, uint64(u.LastLogin.At.UnixNano()))
	b = binary.LittleEndian.AppendUint64(b, uint64(u.Created.UnixNano()))
	s.contents = b
	return maphash.Bytes(s.seed, b)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
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
func (s *seenAccounts) checkAttempts(attempts int) error {
	if s.paged || attempts < 2 {
		return nil
	}
	missing := 0
	s.accounts.values(func(value uint64) {
		if sighting(value).where() < attempts {
			missing++
		}
	})
	if missing > 0 {
		return fmt.Errorf("a response that was cut short had %d of the accounts that the next one does not have: %w", missing, job.ErrChanged)
	}
	return nil
}
