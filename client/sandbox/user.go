package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
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
	Roles     []string // or groups, whichever the system has
	Admin     bool
	Disabled  bool
	Bot       bool // a service account
	Guest     bool // external, staged

	Deactivated bool // removed, in a system where that leaves the account there
	Owns        bool // something that is in the way of a removal, or goes with it
	Hidden      bool // from the caller

	Fields map[string]string // what one system alone has

	Created    time.Time
	LastLogin  time.Time // zero: never
	LastAction time.Time // the newest change that the account made, for an audit log; zero: none

	// Entries are what logs and lists of sessions have about the account: unless
	// given, be it empty, EntryLogin at LastLogin and EntryAction at LastAction.
	Entries []Entry
}

// Entry is something that an account did.
type Entry struct {
	Kind   string
	At     time.Time
	Fields map[string]string // what one system alone has
}

// The kinds of entries that an account has of itself.
const (
	EntryLogin  = "login"
	EntryAction = "action"
)

// entries are those about the user, the oldest first.
func (u User) entries() []Entry {
	entries := slices.Clone(u.Entries)
	if entries == nil {
		for kind, at := range map[string]time.Time{EntryLogin: u.LastLogin, EntryAction: u.LastAction} {
			if !at.IsZero() {
				entries = append(entries, Entry{Kind: kind, At: at})
			}
		}
		slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(b.Kind, a.Kind) })
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	return entries
}

// Field is a text that one system alone has. The default is for an account
// without it.
func (u User) Field(name string, or ...string) string { return member(u.Fields, name, or) }

func member(fields map[string]string, name string, or []string) string {
	if value, ok := fields[name]; ok {
		return value
	}
	return first(or)
}

// flag is where the user keeps what a system's file calls this, nil if it is a field.
func (u *User) flag(name string) *bool {
	return map[string]*bool{
		"disabled": &u.Disabled, "deactivated": &u.Deactivated, "admin": &u.Admin, "bot": &u.Bot, "guest": &u.Guest,
		"owns": &u.Owns, "hidden": &u.Hidden,
	}[name]
}

// Name is the full name.
func (u User) Name() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// How a system writes its ids, if it is not a template.
const (
	numberIDs = "number"
	uuidIDs   = "uuid"
)

// ids says how a system writes its ids.
type ids struct {
	kind     string
	template text // of made, if there is no kind
}

// UnmarshalYAML tells a kind from a template.
func (i *ids) UnmarshalYAML(decode func(any) error) error {
	var source string
	if err := decode(&source); err != nil {
		return err
	}
	if source == numberIDs || source == uuidIDs {
		i.kind = source
		return nil
	}
	if !strings.Contains(source, "{{") {
		return fmt.Errorf("ids is %q, not %s, %s or a template", source, numberIDs, uuidIDs)
	}
	var err error
	i.template, err = parseText(source)
	return err
}

// made is what an id is made of.
type made struct {
	Key      int
	Username string
	seed     uint64
}

// Random is a text of this many characters: the same for the same account.
func (m made) Random(length int, alphabet string) string {
	random := rand.New(rand.NewPCG(m.seed, uint64(m.Key))) //nolint:gosec // meant to repeat
	characters := make([]byte, length)
	for i := range characters {
		characters[i] = alphabet[random.IntN(len(alphabet))]
	}
	return string(characters)
}

const orderUsername = "username"

// account is a user with what the directory itself keeps. It is not changed but
// replaced, so it may be read without a lock.
type account struct {
	User
	key int // grows with every account, and is what a cursor points to
}

// accounts are the users in the order of the listing.
type accounts struct {
	ids   ids
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
		var err error
		if u.ID, err = a.id(a.key, u); err != nil {
			return "", err
		}
	}
	if a.ids.kind == numberIDs {
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
func (a *accounts) id(key int, u User) (string, error) {
	switch a.ids.kind {
	case numberIDs:
		return strconv.Itoa(key), nil
	case uuidIDs:
		return uuid(fmt.Sprintf("%d/%d", a.seed, key)), nil
	default:
		return a.ids.template.render(made{key, u.Username, a.seed})
	}
}

// What a path can name an account by; any other name is that of a field.
const (
	byID       = "id"
	byUsername = "username"
	byEmail    = "email"
)

// by is the account that has this value, nil if none does.
func (a *accounts) by(name, value string) *account {
	if name == byID {
		return a.byID[value]
	}
	i := slices.IndexFunc(a.list, func(x *account) bool {
		switch name {
		case byUsername:
			return x.Username == value
		case byEmail:
			return x.Email == value
		default:
			return value != "" && x.Fields[name] == value
		}
	})
	if i < 0 {
		return nil
	}
	return a.list[i]
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
	a := s.accounts.by(byUsername, username)
	if a == nil {
		return User{}, false
	}
	return a.clone(), true
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

// Disabled are the ids of the accounts that requests have disabled, in order.
func (s *Server) Disabled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.disabled)
}

func (u User) clone() User {
	u.Roles, u.Fields, u.Entries = slices.Clone(u.Roles), maps.Clone(u.Fields), slices.Clone(u.Entries)
	return u
}
