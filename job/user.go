// Package job is the cleanup of unused accounts: the policy that decides which accounts
// to keep, the guards that limit a plan, and the run that removes or disables the rest and
// records it. It knows no protocol; it reaches a user directory through the interface
// Directory.
package job

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is one account of a directory.
type User struct {
	ID       string // the identifier that the directory gave it, opaque
	Username string
	Email    string

	// Created is when the account was created, or zero if that is not known. In that
	// case Undated means that the directory has no creation date, as opposed to one
	// that could not be read.
	Created time.Time
	Undated bool

	LastLogin LastLogin

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

	// Extra is what else requests to change the account have to contain, as JSON.
	Extra map[string]string
}

// maxIDLength is the length of the longest id that is acted on, in bytes. Servers and
// proxies truncate or reject long URLs, each from a different length on.
const maxIDLength = 512

// SafeID reports whether id can be used as one segment of a URL's path without being
// interpreted as anything else. Leading and trailing white space is not safe, because some
// servers trim it and would act on another account. Neither are . and .. between slashes,
// because some proxies unescape and resolve a path before they forward it.
func SafeID(id string) bool {
	return id != "" &&
		!slices.ContainsFunc(strings.FieldsFunc(id, isSlash), isDots) &&
		len(id) <= maxIDLength &&
		utf8.ValidString(id) &&
		strings.TrimSpace(id) == id &&
		!strings.ContainsFunc(id, unicode.IsControl)
}

func isSlash(r rune) bool { return r == '/' || r == '\\' }

func isDots(segment string) bool { return segment == "." || segment == ".." }

// named reports whether name is the account's id, username or email, ignoring case.
func (u User) named(name string) bool {
	return name != "" &&
		(strings.EqualFold(name, u.ID) || strings.EqualFold(name, u.Username) || strings.EqualFold(name, u.Email))
}
