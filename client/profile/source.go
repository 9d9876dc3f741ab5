package profile

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"dormant/job"
)

// Sources are where the use of accounts shows, besides in the accounts themselves.
type Sources []Source

// UnmarshalYAML accepts one source or a list.
func (s *Sources) UnmarshalYAML(decode func(any) error) error {
	return decodeOneOrMany(decode, (*[]Source)(s))
}

// Source is a listing of entries. Each entry proves that an account was used: an
// event, a session, a row of a report. If its path, query or body names an account, it is
// about that one, and is read for candidates only: while planning, and again
// right before a removal. If it has no items, the answer is the only entry.
type Source struct {
	Listing `yaml:",inline"`

	// Optional says that a directory may lack the source: a 404 for its first page
	// then means that there is no entry.
	Optional bool `yaml:"optional"`

	Account struct {
		Path   string `yaml:"path"`
		Prefix string `yaml:"prefix"` // stands before the name; a value without it names no account
		By     string `yaml:"by"`     // id (or nothing), username or email
	} `yaml:"account"`
	At Timestamp `yaml:"at"`

	// Coverage is what the absence of entries means, or that the source is not read.
	Coverage Template `yaml:"coverage"`
}

// Coverage is what it means that a source has no entry for an account.
type Coverage string

// The values of Coverage. A source with CoverageLog or CoverageComplete lists
// logins; the entries of one with CoverageLife only prove that an account is alive.
const (
	CoverageNone     Coverage = "none"     // the source is not read
	CoverageLife     Coverage = "life"     // nothing
	CoverageLog      Coverage = "log"      // no login since the oldest entry
	CoverageComplete Coverage = "complete" // no login at all
)

var coverages = []Coverage{CoverageNone, CoverageLife, CoverageLog, CoverageComplete}

// CoverageParam returns the parameter that says what it means that a source has no entry
// for an account; nothing if there is none.
func (p *Profile) CoverageParam() string {
	for _, s := range p.Activity {
		for _, name := range s.Coverage.placeholders() {
			return name
		}
	}
	return ""
}

// uses reports whether a request of the source has one of the placeholders.
func (s Source) uses(placeholders []string) bool {
	for _, t := range append(slices.Collect(maps.Values(s.Query)), append(s.Body.templates(), s.Path)...) {
		if t.hasAny(placeholders) {
			return true
		}
	}
	return false
}

func (s Source) validate(v *validator, key string) {
	known := v.global
	if s.uses(v.account) {
		known = v.all()
		if s.Method == http.MethodPost && s.Path.hasAny(v.account) {
			v.add(key+".path", "a listing by POST names the account in its body")
		}
	} else {
		v.required(key+".account.path", s.Account.Path)
		if len(s.Items) == 0 {
			v.itemsMissing(key)
		}
	}
	s.Listing.validate(v, key, known)
	v.jsonPaths(key+".account.path", s.Account.Path)
	if !slices.Contains([]string{"", "id", "username", "email"}, s.Account.By) {
		v.add(key+".account.by", "%q is none of id, username, email", s.Account.By)
	}
	s.At.validate(v, key+".at", known)
	v.template(key+".coverage", s.Coverage, known)
	if len(s.Coverage.placeholders()) == 0 && s.Coverage != "" && !slices.Contains(coverages, Coverage(s.Coverage)) {
		v.add(key+".coverage", "%q is none of life, log, complete, none", string(s.Coverage))
	}
}

// A SourceReader reads the entries of one source.
type SourceReader struct {
	Source     Source
	Key        string   // where the profile has the source, such as activity[0]
	Coverage   Coverage // the source's, with its placeholders filled in
	PerAccount bool     // its requests name one account
	times      timeParser
}

// SourceReaders returns a reader for each source of the profile that is read, in
// their order. It fails if the values of the placeholders are wrong, such as a time zone that
// does not exist.
func SourceReaders(p *Profile, b Bindings) ([]SourceReader, error) {
	var readers []SourceReader
	var errs []error
	for i, s := range p.Activity {
		key := fmt.Sprintf("activity[%d]", i)
		times, err := s.At.parser(b)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Where(key+".at.zone"), err))
		}
		coverage := Coverage(s.Coverage.Text(b))
		switch {
		case coverage == CoverageNone:
			continue
		case coverage == "":
			coverage = CoverageLife
		case !slices.Contains(coverages, coverage):
			errs = append(errs, fmt.Errorf("%s: %q is none of life, log, complete, none", p.Where(key+".coverage"), string(coverage)))
		}
		readers = append(readers, SourceReader{s, key, coverage, s.uses(p.User.placeholders()), times})
	}
	return readers, errors.Join(errs...)
}

// ListsLogins reports whether the entries are logins, and not only signs of life.
func (r SourceReader) ListsLogins() bool { return r.Coverage != CoverageLife }

// Entry is what one item of a source proves.
type Entry struct {
	Account string    // one of those that NamesOf has
	At      time.Time // zero: the entry has no time that can be read
}

// Entry reads an item of the source; u is the account that a source about one
// account is read for. ok is false if the item proves nothing: it names no
// account, or is the record of one that never logged in.
func (r SourceReader) Entry(item gjson.Result, u job.User) (e Entry, ok bool) {
	name := u.ID // any that NamesOf has
	if r.Source.Account.Path != "" {
		var isAccount bool
		if name, isAccount = strings.CutPrefix(textAt(item, r.Source.Account.Path), r.Source.Account.Prefix); !isAccount {
			return Entry{}, false
		}
	}
	at, found := r.times.newest(r.Source.At.Path, item)
	if name == "" || found && at.State == job.LoginNever && r.ListsLogins() {
		return Entry{}, false
	}
	return Entry{Account: strings.Clone(job.CanonicalName(name)), At: at.At}, true
}

// HasAccount reports whether the item has a value where the profile says that the
// account is named.
func (r SourceReader) HasAccount(item gjson.Result) bool {
	return r.Source.Account.Path == "" || item.Get(r.Source.Account.Path).Exists()
}

// NamesOf returns the names by which the source may know the account, in their canonical
// form, because sources and accounts differ in how they write them. A source that knows
// accounts by username or e-mail address may have any name or address of an account.
func (r SourceReader) NamesOf(u job.User) []string {
	switch {
	case !r.byName():
		u = job.User{ID: u.ID}
	case r.Source.Account.Path != "":
		u.ID = ""
	}
	var names []string
	for name := range u.Names() {
		if c := job.CanonicalName(name); c != "" {
			names = append(names, c)
		}
	}
	return names
}

// CanName reports whether the account has the kind of name that the source knows accounts
// by. If it has not, it means nothing that there is no entry for it.
func (r SourceReader) CanName(u job.User) bool {
	name := u.ID
	switch r.Source.Account.By {
	case "username":
		name = u.Username
	case "email":
		name = u.Email
	}
	return job.CanonicalName(name) != ""
}

func (r SourceReader) byName() bool {
	return r.Source.Account.By == "username" || r.Source.Account.By == "email"
}
