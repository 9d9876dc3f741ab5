package job

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"
)

// identity returns a fingerprint of what tells the account from another one that is given
// its id later: its creation, its last login and its names. It shows none of them. An
// account that is renamed, or whose last login becomes another one, counts as another one,
// too: then a grace begins anew, which is the safe side.
func (u User) identity(now time.Time) uint64 {
	parts := []string{u.ID, "", ""}
	if !u.Created.IsZero() {
		parts[1] = strconv.FormatInt(u.Created.Unix(), 10)
	}
	// A bound moves on its own, and may be all that is known of one who never logged in.
	if login := u.LastLogin.Normalize(u.Created, now); login.State == LoginKnown && !login.NotAfter {
		parts[2] = strconv.FormatInt(login.At.UnixNano(), 10)
	}
	named := u
	named.ID = ""
	var names []string
	for name := range named.Names() {
		names = append(names, CanonicalName(name))
	}
	slices.Sort(names)
	parts = append(parts, slices.Compact(names)...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return binary.BigEndian.Uint64(sum[:8])
}

// isAnother reports whether a second look shows another account than the one that has been
// planned for: one that never logged in, in the place of one that did.
func (u User) isAnother(again User, now time.Time) bool {
	planned, found := u.LastLogin.Normalize(u.Created, now), again.LastLogin.Normalize(again.Created, now)
	return planned.State == LoginKnown && !planned.NotAfter && found.State == LoginNever
}
