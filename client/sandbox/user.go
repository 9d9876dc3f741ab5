package sandbox

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User is an account of the directory, whatever its system shows of it.
type User struct {
	ID        string // as the system writes it; made up if empty
	Username  string
	FirstName string
	LastName  string
	Email     string
	Roles     []string
	Admin     bool
	Disabled  bool

	Created    time.Time
	LastLogin  time.Time // zero: never
	LastAction time.Time // the newest change that the account made, for an audit log; zero: none
}

// Name is the full name.
func (u User) Name() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// How a system writes its ids.
const (
	numberIDs = "number"
	uuidIDs   = "uuid"
)

const orderUsername = "username"

// account is a user with what the directory itself keeps. It is not changed but
// replaced, so it may be read without a lock.
type account struct {
	User
	key int // grows with every account, and is what a cursor points to
}

// accounts are the users in the order of the listing.
type accounts struct {
	ids   string
	order string
	seed  uint64

	list []*account
	byID map[string]*account
	key  int // the last one given
}

// add puts the user at the end; sort moves it to its place.
func (a *accounts) add(u User) (string, error) {
	a.key++
	if u.ID == "" {
		u.ID = a.id(a.key)
	}
	if a.ids == numberIDs {
		n, err := strconv.Atoi(u.ID)
		if err != nil || n < 1 {
			return "", fmt.Errorf("the id %q is not a number from 1", u.ID)
		}
		a.key = max(a.key, n)
	}
	if a.byID[u.ID] != nil {
		return "", fmt.Errorf("the id %q is taken", u.ID)
	}
	added := &account{User: u.clone(), key: a.key}
	a.byID[u.ID] = added
	a.list = append(a.list, added)
	return u.ID, nil
}

// id makes up the id of the account with this key.
func (a *accounts) id(key int) string {
	if a.ids == numberIDs {
		return strconv.Itoa(key)
	}
	h := sha256.Sum256(fmt.Appendf(nil, "%d/%d", a.seed, key))
	h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80 // version 4 of RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func (a *accounts) sort() { slices.SortFunc(a.list, a.compare) }

func (a *accounts) compare(x, y *account) int {
	if a.order == orderUsername {
		if c := strings.Compare(strings.ToLower(x.Username), strings.ToLower(y.Username)); c != 0 {
			return c
		}
	}
	return cmp.Compare(x.key, y.key)
}

func (a *accounts) remove(id string) bool {
	gone := a.byID[id]
	if gone == nil {
		return false
	}
	i, _ := slices.BinarySearchFunc(a.list, gone, a.compare)
	a.list = slices.Delete(a.list, i, i+1)
	delete(a.byID, id)
	return true
}

func (a *accounts) replace(u User) {
	before := a.byID[u.ID]
	i, _ := slices.BinarySearchFunc(a.list, before, a.compare)
	a.list[i] = &account{User: u, key: before.key}
	a.byID[u.ID] = a.list[i]
	a.sort()
}

// lastAdmin reports whether there is no active administrator but this one.
func (a *accounts) lastAdmin(id string) bool {
	return !slices.ContainsFunc(a.list, func(x *account) bool { return x.Admin && !x.Disabled && x.ID != id })
}

// Users are the accounts that are there, in the order of the listing.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := make([]User, 0, len(s.accounts.list))
	for _, a := range s.accounts.list {
		users = append(users, a.clone())
	}
	return users
}

// User returns the account with this id, if there is one.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts.byID[id]
	if a == nil {
		return User{}, false
	}
	return a.clone(), true
}

// Find returns the account with this username, if there is one.
func (s *Server) Find(username string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.accounts.list, func(a *account) bool { return a.Username == username })
	if i < 0 {
		return User{}, false
	}
	return s.accounts.list[i].clone(), true
}

// Add adds an account, as if somebody had while others use the directory. It
// returns the account's id.
func (s *Server) Add(u User) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := s.accounts.add(u)
	s.accounts.sort()
	return id, err
}

// ErrNoUser is the error of Update for an id that nobody has.
var ErrNoUser = errors.New("no such user")

// Update changes an account: it logs in, is renamed, becomes an administrator.
// Its id stays what it is. change must not call methods of the server.
func (s *Server) Update(id string, change func(*User)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts.byID[id]
	if a == nil {
		return fmt.Errorf("%w: %q", ErrNoUser, id)
	}
	u := a.clone()
	change(&u)
	u.ID = id
	s.accounts.replace(u)
	return nil
}

// Remove takes an account away, as if somebody else had removed it. It is not
// among Removed. It reports whether there was such an account.
func (s *Server) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts.remove(id)
}

// Removed are the ids of the accounts that requests have removed, in order.
func (s *Server) Removed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.removed)
}

func (u User) clone() User {
	u.Roles = slices.Clone(u.Roles)
	return u
}
