package client

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
)

// Profile says how a directory lists, reads and removes accounts. It is read
// from YAML; the built-in profiles show every key in use.
type Profile struct {
	Name string `yaml:"-"` // of the built-in profile, or of the file

	Title string `yaml:"title"`

	// Params are the profile's own placeholders and their defaults;
	// one without a default has to be given.
	Params map[string]*string `yaml:"params"`

	// Headers go with every request. One whose placeholders are all empty is left out.
	Headers map[string]Template `yaml:"headers"`

	SignIn   *SignIn   `yaml:"sign_in"`
	Self     *Single   `yaml:"self"`
	List     Listing   `yaml:"list"`
	Get      *Single   `yaml:"get"`
	User     Fields    `yaml:"user"`
	Remove   Removal   `yaml:"remove"`
	Activity *Activity `yaml:"activity"`
}

// SignIn is a POST of a JSON object that returns a token. It is used where no
// token is given.
type SignIn struct {
	Path Template            `yaml:"path"`
	Body map[string]Template `yaml:"body"`

	Token     string `yaml:"token"`      // where the token is in the response
	ExpiresIn string `yaml:"expires_in"` // where its life in seconds is; optional
}

// Single is a GET that returns one account.
type Single struct {
	Path Template `yaml:"path"`
	Item Paths    `yaml:"item"` // where the account is in the response; nothing: all of it
}

// Listing is a GET that returns accounts, or what proves their use, page by page.
type Listing struct {
	Path  Template            `yaml:"path"`
	Query map[string]Template `yaml:"query"`
	Items Paths               `yaml:"items"` // where the array is; the first that is there counts

	// At most one of the two. Without any, one response has it all.
	Cursor *Cursor `yaml:"cursor"`
	Offset *Offset `yaml:"offset"`

	Size  *Size  `yaml:"size"`
	Total string `yaml:"total"` // where the response counts all items; optional
}

// Cursor says that each page names the next one.
type Cursor struct {
	Param string `yaml:"param"`
	First string `yaml:"first"` // what asks for the first page; nothing: no parameter

	// Next is where the response has the next page's cursor. Null, "" and 0 end
	// the listing. If it is missing, the listing was cut short, unless it is Optional.
	Next     string `yaml:"next"`
	Optional bool   `yaml:"optional"`
}

// Offset says that a page is asked for by the number of items before it. The
// listing ends with an empty page, or when the total is reached.
type Offset struct {
	Param string `yaml:"param"`
}

// Size says how to ask for the number of items on a page.
type Size struct {
	Param   string `yaml:"param"`
	Default int    `yaml:"default"`
}

// Removal is the request that removes an account for good.
type Removal struct {
	Path Template `yaml:"path"`

	// Success and Gone are the codes that say so; 200 and 204, and 404 and 410,
	// unless given. No redirect is ever followed.
	Success []int `yaml:"success"`
	Gone    []int `yaml:"gone"`
}

// Activity is a listing of events that prove that an account was used. Their
// absence proves nothing.
type Activity struct {
	Listing `yaml:",inline"`

	// Optional says that a server may be without the log: a 404 for its first
	// page then means that there is nothing to prove.
	Optional bool `yaml:"optional"`

	Account struct {
		Path   string `yaml:"path"`
		Prefix string `yaml:"prefix"` // stands before the id; what lacks it is no account
	} `yaml:"account"`
	At string `yaml:"at"`
}

// Paths is a path into a JSON document in the syntax of gjson, or several of
// which the first that exists counts.
type Paths []string

// UnmarshalYAML accepts one path or a list.
func (p *Paths) UnmarshalYAML(decode func(any) error) error {
	var one string
	if decode(&one) == nil {
		*p = Paths{one}
		return nil
	}
	return decode((*[]string)(p))
}

// LoadProfile reads the profile with this name: a built-in one, or a file if
// the name has a slash or ends in .yaml or .yml. Its error lists all that is
// wrong, each with its line.
func LoadProfile(name string) (*Profile, error) {
	source, err := ProfileSource(name)
	if err != nil {
		return nil, err
	}
	p := &Profile{Name: strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))}
	if err := yaml.UnmarshalWithOptions(source, p, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("profile %s: %s", name, yaml.FormatError(err, false, false))
	}
	if err := oneDocument(source); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	if err := p.validate(source); err != nil {
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

// ProfileSource is the YAML of the profile with this name, as for LoadProfile.
func ProfileSource(name string) ([]byte, error) {
	if ext := filepath.Ext(name); strings.ContainsRune(name, '/') || ext == ".yaml" || ext == ".yml" {
		source, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read profile: %w", err)
		}
		return source, nil
	}
	source, err := profiles.Files.ReadFile(name + ".yaml")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, fmt.Errorf("there is no built-in profile %q: it is one of %s, or the path of a YAML file",
			name, strings.Join(ProfileNames(), ", "))
	}
	return source, err
}

// ProfileNames are the names of the built-in profiles, sorted.
func ProfileNames() []string {
	files, err := fs.Glob(profiles.Files, "*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i := range files {
		files[i] = strings.TrimSuffix(files[i], ".yaml")
	}
	return slices.Sorted(slices.Values(files))
}
