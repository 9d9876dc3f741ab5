package job

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// A packed account is all of a User in hardly more bytes than its names have. The names are
// in front, so that the id is found without reading the rest. Times lose their zone.
type packed string

// pieces keeps texts end to end in large pieces of memory, so that a text costs neither an
// allocation nor a look of the garbage collector into it.
type pieces struct {
	last    strings.Builder
	scratch []byte
}

const pieceSize = 64 << 10

// keep returns a copy of the text.
func (p *pieces) keep(text []byte) string {
	if p.last.Cap()-p.last.Len() < len(text) { // growing would copy what is there
		p.last = strings.Builder{}
		p.last.Grow(max(pieceSize, len(text)))
	}
	start := p.last.Len()
	p.last.Write(text)
	return p.last.String()[start:]
}

// pack returns a copy of the account.
func (p *pieces) pack(u *User) packed {
	p.scratch = appendUser(p.scratch[:0], u)
	return packed(p.keep(p.scratch))
}

// flags are the parts of the account that are one bit, to be read or set.
func (u *User) flags() [7]*bool {
	return [...]*bool{&u.Undated, &u.Partial, &u.LoginAlone, &u.Admin, &u.ServiceAccount, &u.Disabled, &u.LastLogin.NotAfter}
}

func (u *User) times() [5]*time.Time {
	return [...]*time.Time{&u.Created, &u.LastLogin.At, &u.KnownUntil, &u.LastActivity, &u.FirstSeen}
}

func appendUser(b []byte, u *User) []byte {
	b = appendNames(b, u)
	state := uint64(u.LastLogin.State)
	for _, flag := range u.flags() {
		state <<= 1
		if *flag {
			state |= 1
		}
	}
	b = binary.AppendUvarint(b, state)
	for _, t := range u.times() {
		b = appendTime(b, *t)
	}
	b = appendTexts(b, u.Aliases)
	b = appendTexts(b, u.Roles)
	b = appendLength(b, len(u.Extra), u.Extra == nil)
	for name, value := range u.Extra {
		b = appendText(appendText(b, name), value)
	}
	return b
}

func (p packed) user() User {
	var u User
	r := reader(p)
	u.ID, u.Username, u.Email = r.names()
	state := r.number()
	flags := u.flags()
	for i := range flags {
		*flags[len(flags)-1-i] = state&1 != 0
		state >>= 1
	}
	u.LastLogin.State = LoginState(state)
	for _, t := range u.times() {
		*t = r.time()
	}
	u.Aliases, u.Roles = r.texts(), r.texts()
	if n, ok := r.length(); ok {
		u.Extra = make(map[string]string, n)
		for range n {
			name := r.text()
			u.Extra[name] = r.text()
		}
	}
	return u
}

func (p packed) id() string {
	r := reader(p)
	return r.name(r.text())
}

// appendNames appends the text of all names, and where in it each of them is. One that is
// within another one, as a username often is in an address, takes no bytes of its own.
func appendNames(b []byte, u *User) []byte {
	names := [...]string{u.Email, u.Username, u.ID}
	var at, own [len(names)]int // where each begins, and how many bytes of its own it has
	size := 0
	for i, name := range names {
		at[i], own[i] = size, len(name)
		for j, other := range names[:i] {
			if within := strings.Index(other, name); within >= 0 {
				at[i], own[i] = at[j]+within, 0
				break
			}
		}
		size += own[i]
	}
	b = binary.AppendUvarint(b, uint64(size))
	for i, name := range names {
		b = append(b, name[:own[i]]...)
	}
	for i, name := range slices.Backward(names[:]) { // the id is looked at most often
		b = binary.AppendUvarint(b, uint64(at[i]))
		b = binary.AppendUvarint(b, uint64(len(name)))
	}
	return b
}

// appendTime appends the time in seconds and nanoseconds since 1970.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(binary.AppendUvarint(b, uint64(t.Nanosecond())+1), t.Unix())
}

// instantLen is the length of a time of which the text sorts as the time does.
const instantLen = 12

func appendInstant(b []byte, t time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(t.Unix())^1<<63) // negative ones first
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

func instantIn(text string) time.Time {
	b := []byte(text[:instantLen])
	return time.Unix(int64(binary.BigEndian.Uint64(b)^1<<63), int64(binary.BigEndian.Uint32(b[8:]))).UTC()
}

func appendTexts(b []byte, texts []string) []byte {
	b = appendLength(b, len(texts), texts == nil)
	for _, text := range texts {
		b = appendText(b, text)
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendLength keeps apart what is nil and what is empty.
func appendLength(b []byte, n int, isNil bool) []byte {
	if isNil {
		return append(b, 0)
	}
	return binary.AppendUvarint(b, uint64(n)+1)
}

// A reader is what is still to be read of a packed account. What it returns is a part of it.
type reader string

func (r *reader) number() uint64 {
	var n uint64
	for i := 0; ; i++ {
		c := (*r)[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			*r = (*r)[i+1:]
			return n
		}
	}
}

func (r *reader) text() string {
	n := r.number()
	text := string((*r)[:n])
	*r = (*r)[n:]
	return text
}

func (r *reader) names() (id, username, email string) {
	all := r.text()
	id, username, email = r.name(all), r.name(all), r.name(all)
	return id, username, email
}

func (r *reader) name(all string) string {
	at := r.number()
	return all[at : at+r.number()]
}

func (r *reader) time() time.Time {
	nanoseconds := r.number()
	if nanoseconds == 0 {
		return time.Time{}
	}
	n := r.number()
	seconds := int64(n >> 1) // as binary.AppendVarint writes it
	if n&1 != 0 {
		seconds = ^seconds
	}
	return time.Unix(seconds, int64(nanoseconds-1)).UTC()
}

func (r *reader) texts() []string {
	n, ok := r.length()
	if !ok {
		return nil
	}
	texts := make([]string, n)
	for i := range texts {
		texts[i] = r.text()
	}
	return texts
}

// length is that of a list, and whether there is one.
func (r *reader) length() (int, bool) {
	n := r.number()
	return int(n) - 1, n > 0
}
