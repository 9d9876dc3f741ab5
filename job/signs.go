package job

import (
	"cmp"
	"hash/maphash"
	"iter"
	"slices"
	"time"
)

// signs are the newest signs of life of the people in one directory, by the names that they
// have there. They take 16 bytes a name: of the name they have a hash. Should two names have
// the same one, somebody is kept who need not be.
type signs struct {
	seed   maphash.Seed
	list   []sign
	sorted bool // and each name is there once
}

type sign struct {
	name uint64
	at   int64 // nanoseconds since 1970
}

func newSigns() *signs { return &signs{seed: maphash.MakeSeed()} }

// joinNames are the names by which an account is known to be the same person's as one in
// another directory: its username and its addresses. Its id is the directory's own, and a
// name only where there is no username.
func joinNames(u *User) iter.Seq[string] {
	named := User{Username: cmp.Or(u.Username, u.ID), Email: u.Email, Aliases: u.Aliases}
	return func(yield func(string) bool) {
		for name := range named.Names() {
			if name = CanonicalName(name); name != "" && !yield(name) {
				return
			}
		}
	}
}

// add notes that whoever has the names of u was alive at that time.
func (s *signs) add(u *User, at time.Time) {
	for name := range joinNames(u) {
		s.list = append(s.list, sign{maphash.String(s.seed, name), at.UnixNano()})
	}
	s.sorted = false
}

// sort makes the list one to search in. Of each name, the newest sign stays.
func (s *signs) sort() {
	if s.sorted {
		return
	}
	slices.SortFunc(s.list, func(a, b sign) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(b.at, a.at)) })
	s.list = slices.CompactFunc(s.list, func(a, b sign) bool { return a.name == b.name })
	s.sorted = true
}

// newest returns the newest sign of life of whoever has one of the names of u.
func (s *signs) newest(u *User) (at time.Time, found bool) {
	for name := range joinNames(u) {
		hash := maphash.String(s.seed, name)
		i, is := slices.BinarySearchFunc(s.list, hash, func(e sign, hash uint64) int { return cmp.Compare(e.name, hash) })
		if !is {
			continue
		}
		if next := time.Unix(0, s.list[i].at).UTC(); !found || next.After(at) {
			at, found = next, true
		}
	}
	return at, found
}

// A join counts which of some accounts have one in another directory.
type join struct {
	byName map[string][]int
	joined []bool
}

func newJoin(asked []User) *join {
	j := &join{map[string][]int{}, make([]bool, len(asked))}
	for i := range asked {
		for name := range joinNames(&asked[i]) {
			j.byName[name] = append(j.byName[name], i)
		}
	}
	return j
}

// add notes an account of the other directory.
func (j *join) add(u *User) {
	if len(j.byName) == 0 {
		return
	}
	for name := range joinNames(u) {
		for _, i := range j.byName[name] {
			j.joined[i] = true
		}
	}
}

func (j *join) count() (n int) {
	for _, joined := range j.joined {
		if joined {
			n++
		}
	}
	return n
}
