package client

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"dormant/client/profile"
	"dormant/job"
)

// An address is the placeholders by which a request to change an account says which one it
// is about. Many servers take names that differ in case, or in how a letter is composed, for
// the same; so two accounts with the same canonical form of an address are never changed:
// the request could be about the other one.
type address []string

// addresses are those of the steps, each once. The id alone stands for all that has it,
// because it is unique as it is written.
func addresses(f profile.Fields, steps profile.Steps) []address {
	var all []address
	for _, step := range steps {
		names := address(step.AddressedBy(f))
		if slices.Contains(names, "id") {
			names = address{"id"}
		}
		if !slices.ContainsFunc(all, func(a address) bool { return slices.Equal(a, names) }) {
			all = append(all, names)
		}
	}
	return all
}

func (a address) isID() bool { return a[0] == "id" }

// of is the canonical form of the account's address, or "" if it has none.
func (a address) of(u *job.User) string {
	if a.isID() {
		return job.CanonicalName(u.ID)
	}
	values := profile.AccountValues(*u)
	var forms []string
	for _, name := range a {
		if values[name] == "" {
			return ""
		}
		forms = append(forms, job.CanonicalName(values[name]))
	}
	return strings.Join(forms, "\x00")
}

// An addressBook notes the addresses of a listing, to find those that two accounts share.
// It remembers nothing of an id that is its own canonical form.
type addressBook struct {
	addresses []address
	tables    []hashTable     // of each address, the hashes
	shared    map[uint64]bool // of addresses that two accounts have
	seed      maphash.Seed
}

func newAddressBook(p *profile.Profile, seed maphash.Seed) *addressBook {
	all := addresses(p.User, slices.Concat(p.Remove, p.Disable))
	return &addressBook{addresses: all, tables: make([]hashTable, len(all)), seed: seed}
}

func (b *addressBook) close() {
	for i := range b.tables {
		b.tables[i].close()
	}
}

// add notes an account that has not been added before.
func (b *addressBook) add(u *job.User) error {
	for i, a := range b.addresses {
		form := a.of(u)
		if form == "" || a.isID() && form == u.ID {
			continue
		}
		hash := maphash.String(b.seed, form)
		slot, found := b.tables[i].find(hash)
		if found {
			b.share(hash)
			continue
		}
		if err := b.tables[i].insert(slot, hash, hash); err != nil {
			return err
		}
	}
	return nil
}

func (b *addressBook) share(hash uint64) {
	if b.shared == nil {
		b.shared = map[uint64]bool{}
	}
	b.shared[hash] = true
}

// finish returns the shared addresses, once all accounts have been added. hasID reports
// whether there is an account with the id that has the hash.
func (b *addressBook) finish(hasID func(hash uint64) bool) map[uint64]bool {
	for i, a := range b.addresses {
		if !a.isID() {
			continue
		}
		b.tables[i].values(func(hash uint64) {
			if hasID(hash) {
				b.share(hash)
			}
		})
	}
	return b.shared
}

// checkUnique returns job.ErrAmbiguous if another account of the last listing has an
// address of u by which the steps name it.
func (c *Client) checkUnique(steps profile.Steps, u job.User) error {
	shared := c.shared.Load()
	if shared == nil || len(*shared) == 0 {
		return nil
	}
	for _, a := range addresses(c.profile.User, steps) {
		if form := a.of(&u); form != "" && (*shared)[maphash.String(c.hashSeed, form)] {
			return fmt.Errorf("%w: its %s", job.ErrAmbiguous, strings.Join(a, " and "))
		}
	}
	return nil
}
