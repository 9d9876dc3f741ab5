// Package job says what a cleanup of unused accounts is: whom the policy keeps,
// what the guards allow, and how the rest is removed. It knows no protocol; the
// Directory interface is all that it asks of one.
package job

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is one account as a directory describes it.
type User struct {
	ID       string // what the directory knows it by, opaque
	Username string
	Email    string

	// Created is when the account was made. It is zero where that is not known;
	// Undated then tells that the directory gives no creation date at all,
	// as opposed to one that could not be read.
	Created time.Time
	Undated bool

	LastLogin LastLogin

	// Partial says that Directory.User tells more of the account than the listing
	// does, so that nothing is decided against it by the listing alone. LoginAlone
	// says that even a last login that is absent may be told then.
	Partial, LoginAlone bool

	// LastActivity is the newest proof of life that is not a login, or zero.
	// It can keep an account and never removes one.
	LastActivity time.Time

	// Admin, ServiceAccount and Disabled are false where the directory knows no
	// such thing.
	Admin          bool
	ServiceAccount bool
	Disabled       bool // it can't log in

	// Roles are the names of the account's roles or groups;
	// nil where the directory did not tell, empty where it told of none.
	Roles []string

	// Extra is what else the directory needs to be told to act on the account, as JSON.
	Extra map[string]string
}

// maxIDLength is the longest id that is acted on, in bytes. Servers and proxies
// cut or reject longer URLs, each at a length of its own.
const maxIDLength = 512

// SafeID reports whether id can stand as one segment of a URL's path without
// meaning anything else there. White space at an end is refused because some
// servers trim it and would act on another account, and so are . and .. between
// slashes, because some proxies unescape and resolve a path before they pass it on.
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

// named reports whether name is the account's id, username or email,
// whatever its case.
func (u User) named(name string) bool {
	return name != "" &&
		(strings.EqualFold(name, u.ID) || strings.EqualFold(name, u.Username) || strings.EqualFold(name, u.Email))
}
