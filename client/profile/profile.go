package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"dormant/client/profiles"
	"dormant/job"
)

// Profile says how a directory lists, reads, disables and removes accounts. It
// is read from YAML; profiles/README.md teaches the format.
type Profile struct {
	Name string `yaml:"-"` // of the built-in profile, or of the file

	Title string `yaml:"title"`

	// Params are the profile's own placeholders and their defaults;
	// one without a default has to be given.
	Params map[string]*string `yaml:"params"`

	// Extras are params that are false unless somebody makes them true, because
	// a removal then also destroys what the text says.
	Extras map[string]string `yaml:"extras"`

	// Headers go with every request. One whose placeholders are all empty is left out.
	Headers map[string]Template `yaml:"headers"`

	// Anonymous says that the directory may be used without credentials.
	Anonymous bool `yaml:"anonymous"`

	SignIn    *SignIn    `yaml:"sign_in"`
	RateLimit *RateLimit `yaml:"rate_limit"`
	Self      *Self      `yaml:"self"`
	List      Listing    `yaml:"list"`
	Get       Singles    `yaml:"get"`
	User      Fields     `yaml:"user"`
	Remove    Steps      `yaml:"remove"`
	Disable   Steps      `yaml:"disable"` // none: the directory can't
	Activity  Sources    `yaml:"activity"`

	BuiltIn bool
	source  []byte // the YAML
	at      string // where it is from, for errors
}

// SignIn is a POST that returns a token. It is used where no token is given.
type SignIn struct {
	Path Template `yaml:"path"` // below the directory's URL, or
	URL  Template `yaml:"url"`  // anywhere: the sign-in goes there, and nothing else

	JSON map[string]Template `yaml:"body"` // one of the two
	Form map[string]Template `yaml:"form"`

	// Assertion are the claims of a JSON Web Token that {assertion} stands for
	// (RFC 7523, section 2.1). It is signed with the key that is the client secret.
	Assertion map[string]Template `yaml:"assertion"`

	Token     string `yaml:"token"`      // where the token is in the response
	ExpiresIn string `yaml:"expires_in"` // where its life in seconds is; optional
}

// RateLimit says how the directory tells that requests come too fast, where it
// is not by 429 and Retry-After alone.
type RateLimit struct {
	// Reset is a header with the time at which the next request may come, in
	// seconds since 1970 or from now. It counts if there is no Retry-After.
	Reset string `yaml:"reset"`

	// Also is an answer that means 429.
	Also *struct {
		Code int       `yaml:"code"`
		If   Condition `yaml:"if"`
	} `yaml:"also"`
}

// Self is a GET that returns the caller's account, or a part of it.
type Self struct {
	Path Template `yaml:"path"`
	Item Paths    `yaml:"item"` // where the account is in the response; nothing: all of it
	ID   string   `yaml:"id"`   // where its id is, if not where all accounts have it
}

// Singles are the GETs that together return one account: what a later one tells
// takes the place of what the earlier ones told.
type Singles []Single

// UnmarshalYAML accepts one GET or a list.
func (s *Singles) UnmarshalYAML(decode func(any) error) error {
	return several(decode, (*[]Single)(s))
}

// Details reports whether the listing is not enough to decide by.
func (s Singles) Details() bool {
	return slices.ContainsFunc(s, func(g Single) bool { return g.Details })
}

// Single is a GET that returns one account, or a part of it.
type Single struct {
	// Listing has the path and the query. If it has Items, the account is in an
	// array, by its id, and the array may come in pages.
	Listing `yaml:",inline"`

	Item Paths `yaml:"item"` // where the account is in the response; nothing: all of it

	// As is a name under which the whole response is put in the account, instead
	// of being laid over it.
	As string `yaml:"as"`

	// Collect says that not one of the items is meant, but all on all pages: an
	// array, under the name As.
	Collect bool `yaml:"collect"`

	// Details says that the listing is not enough to decide by, and this is.
	Details bool `yaml:"details"`

	Missing `yaml:",inline"`
}

// Confirmed returns the account as the GET found it, together with what it was found by:
// an answer need not repeat the name that led to it.
func (g Single) Confirmed(f Fields, asked, found job.User) job.User {
	used := Step{Path: g.Path, Query: g.Query}.AddressedBy(f)
	by := func(name, value, was string) string {
		if value == "" && slices.Contains(used, name) {
			return was
		}
		return value
	}
	found.Username, found.Email = by("username", found.Username, asked.Username), by("email", found.Email, asked.Email)
	for name := range f.Extra {
		if raw := by(name, found.Extra[name], asked.Extra[name]); raw != "" {
			found.Extra[name] = raw
		}
	}
	return found
}

// Missing says which answers mean that there is no such account.
type Missing struct {
	Gone   []int      `yaml:"gone"`    // codes; 404 and 410 unless given
	GoneIf *Condition `yaml:"gone_if"` // what the answer then says, whatever the code
}

// Untold are the kinds of accounts that the directory does not tell from others.
func (p *Profile) Untold() []string {
	var kinds []string
	if p.User.Admin == nil {
		kinds = append(kinds, "administrators")
	}
	if p.User.ServiceAccount == nil {
		kinds = append(kinds, "service accounts")
	}
	return kinds
}

// TellsAdminsLast reports whether it takes a second look to find out who is an
// administrator.
func (p *Profile) TellsAdminsLast() bool {
	return !p.Get.Details() && slices.ContainsFunc(p.User.Admin, func(c Condition) bool {
		return slices.ContainsFunc(p.Get, func(g Single) bool {
			return g.As != "" && (c.Path == g.As || strings.HasPrefix(c.Path, g.As+"."))
		})
	})
}

// Where says where the profile has the key, for errors.
func (p *Profile) Where(key string) string {
	return fmt.Sprintf("profile %s, %s", p.at, place(p.source, key))
}

// Load reads the profile with this name: a built-in one, or a file if
// the name has a slash or ends in .yaml or .yml. Its error lists all that is
// wrong, each with its line.
func Load(name string) (*Profile, error) {
	source, err := YAML(name)
	if err != nil {
		return nil, err
	}
	p := &Profile{Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), source: source, at: name, BuiltIn: !isPath(name)}
	if err := yaml.UnmarshalWithOptions(source, p, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, misread(source, err))
	}
	if err := oneDocument(source); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	return p, nil
}

// oneDocument refuses YAML of which all but the first document would be ignored.
func oneDocument(source []byte) error {
	file, err := parser.ParseBytes(source, 0)
	if err != nil {
		return err
	}
	if len(file.Docs) > 1 {
		return fmt.Errorf("line %d: there is a second document", file.Docs[1].Start.Position.Line)
	}
	return nil
}

// YAML is the YAML of the profile with this name, as for Load.
func YAML(name string) ([]byte, error) {
	if isPath(name) {
		source, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read profile: %w", err)
		}
		return source, nil
	}
	source, err := profiles.Files.ReadFile(name + ".yaml")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, fmt.Errorf("there is no built-in profile %q: it is one of %s, or the path of a YAML file",
			name, strings.Join(Names(), ", "))
	}
	return source, err
}

// isPath tells a file's path from the name of a built-in profile.
func isPath(name string) bool {
	ext := filepath.Ext(name)
	return strings.ContainsRune(name, '/') || ext == ".yaml" || ext == ".yml"
}

// Names are the names of the built-in profiles, sorted.
func Names() []string {
	files, err := fs.Glob(profiles.Files, "*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i := range files {
		files[i] = strings.TrimSuffix(files[i], ".yaml")
	}
	return slices.Sorted(slices.Values(files))
}
