// Package job is the cleanup of unused accounts: the policy that decides which accounts
// to keep, the guards that limit a plan, and the run that removes or disables the rest and
// records it. It knows no protocol; it reaches a user directory through the interface
// Directory.
package job

import (
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// User is one account of a directory.
type User struct {
	ID       string // the identifier that the directory gave it, opaque
	Username string
	Email    string
	Aliases  []string // further names and addresses

	// Created is when the account was created, or zero if that is not known. In that
	// case Undated means that the directory has no creation date, as opposed to one
	// that could not be read.
	Created time.Time
	Undated bool

	// FirstSeen is when a ledger saw the account first, or zero where there is none: it
	// is not known to be older than that unless Created says so.
	FirstSeen time.Time

	LastLogin LastLogin

	// KnownUntil is the time after which nothing is known of the account's logins; zero if
	// they are known up to now.
	KnownUntil time.Time

	// Partial means that Directory.User returns more about the account than the
	// listing, so that the listing alone is not enough to remove or disable it.
	// LoginAlone means that this may include a last login that the listing lacks.
	Partial, LoginAlone bool

	// LastActivity is the newest sign of use that is not a login, or zero. It can only
	// be a reason to keep the account.
	LastActivity time.Time

	// Admin, ServiceAccount and Disabled are false where the directory has no such
	// property.
	Admin          bool
	ServiceAccount bool
	Disabled       bool // it can't log in

	// Roles are the names of the account's roles or groups. nil means unknown, empty
	// means that it has none.
	Roles []string

	forms []forms // of the names, as long as a plan decides about the account

	// Extra is what else requests to change the account have to contain, as JSON.
	Extra map[string]string
}

// maxIDLength is the length of the longest id that is acted on, in bytes. Servers and
// proxies truncate or reject long URLs, each from a different length on.
const maxIDLength = 512

// SafeID reports whether id can be used as one segment of a URL's path without being
// interpreted as anything else by whatever is on the way. It has to be safe unescaped: some
// proxies and servers unescape a path before they forward or route it. So it must not have
//
//   - / \ ? # % or ;, which separate or escape parts of a URL, or be . or ..;
//   - white space at an end, which some servers trim, or any but a blank within;
//   - characters that don't show, which some servers drop;
//   - any of that in normal form KC, which some servers apply.
//
// Anything else is safe, such as | @ : = , + and blanks: the ids of many directories have
// them.
func SafeID(id string) bool {
	if id == "" || len(id) > maxIDLength {
		return false
	}
	return isWord(id) || utf8.ValidString(id) && isSegment(id) && isSegment(norm.NFKC.String(id))
}

// isWord reports whether the text has nothing but ASCII letters, digits, - and _, as most ids.
func isWord(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func isSegment(text string) bool {
	return text != "." && text != ".." && strings.TrimSpace(text) == text &&
		!strings.ContainsFunc(text, func(r rune) bool {
			return strings.ContainsRune(`/\?#%;`, r) || isInvisible(r) || isBlank(r) && r != ' '
		})
}

// Names returns every name and address of the account: its id, username and email, and its
// aliases. Empty ones are left out.
func (u User) Names() iter.Seq[string] {
	// Without the rest of the account, which is large.
	id, username, email, aliases := u.ID, u.Username, u.Email, u.Aliases
	return func(yield func(string) bool) {
		if id != "" && !yield(id) || username != "" && !yield(username) || email != "" && !yield(email) {
			return
		}
		for _, name := range aliases {
			if name != "" && !yield(name) {
				return
			}
		}
	}
}

// Clone returns the account with texts of its own. Those of a listing are parts of a page, all
// of which stays in memory as long as one of them.
func (u User) Clone() User {
	// Not by +, which returns its only operand that is not empty, and copies nothing then.
	text := strings.Join([]string{u.ID, u.Username, u.Email}, "")
	u.ID, text = text[:len(u.ID)], text[len(u.ID):]
	u.Username, u.Email = text[:len(u.Username)], text[len(u.Username):]
	u.Aliases, u.Roles = cloneTexts(u.Aliases), cloneTexts(u.Roles)
	if u.Extra != nil {
		extra := make(map[string]string, len(u.Extra))
		for name, value := range u.Extra {
			extra[name] = strings.Clone(value)
		}
		u.Extra = extra
	}
	return u
}

// cloneTexts keeps apart what is nil and what is empty.
func cloneTexts(texts []string) []string {
	texts = slices.Clone(texts)
	for i, text := range texts {
		texts[i] = strings.Clone(text)
	}
	return texts
}

// nameForms returns the forms of all names.
func (u *User) nameForms() []forms {
	if u.forms != nil {
		return u.forms
	}
	return u.appendForms(nil)
}

// appendForms appends the forms of all names to those in all.
func (u *User) appendForms(all []forms) []forms {
	for _, name := range [...]string{u.ID, u.Username, u.Email} {
		if name != "" {
			all = append(all, formsOf(name))
		}
	}
	for _, name := range u.Aliases {
		if name != "" {
			all = append(all, formsOf(name))
		}
	}
	return all
}

func (u *User) roleForms() []forms { return allForms(slices.Values(u.Roles)) }
