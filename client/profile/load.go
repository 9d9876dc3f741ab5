package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"dormant/client/profiles"
	"dormant/job"
)

// Load reads the profile with this name: a built-in one, or a file if the name has
// a slash or ends in .yaml or .yml. Its error lists everything that is wrong, each
// with its line.
func Load(name string) (*Profile, error) {
	source, err := YAML(name)
	if err != nil {
		return nil, err
	}
	p := &Profile{
		Name:    strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)),
		BuiltIn: !isPath(name),
		source:  source,
		origin:  name,
	}
	if err := decode(source, p); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", name, err)
	}
	return p, nil
}

// YAML returns the text of the profile with this name, as for Load.
func YAML(name string) ([]byte, error) {
	if isPath(name) {
		source, err := job.ReadFile(name, maxSource)
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

// isPath reports whether the name is a file's path, not that of a built-in profile.
func isPath(name string) bool {
	ext := filepath.Ext(name)
	return strings.ContainsRune(name, '/') || ext == ".yaml" || ext == ".yml"
}
