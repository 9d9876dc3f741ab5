// Package config reads the environment variables that configure the program.
//
// The variables are data: a field of Variables each, whose tags say its name,
// its default, what is accepted and what it means. Reading, checking and help
// follow the tags. What is wrong is found in one pass and reported all at once,
// each kind in its own file: with one variable (variable.go, syntax.go, url.go),
// with several together (together.go), with the files that they name (files.go)
// and with the profile (profile.go).
package config

import (
	"fmt"
	"time"

	"dormant/client/profile"
)

// Config is the configuration of a command.
type Config struct {
	Variables
	Profile *profile.Profile // the one that PROFILE names; nil if it can't be loaded
}

// Load reads the variables and the profile and checks them with the files that
// they name. It returns every problem that it finds; if there is one, the Config
// is good for nothing but the log. With readOnly, nothing is changed whatever
// DORMANT_DRY_RUN says.
func Load(environ []string, readOnly bool, now time.Time) (Config, []error) {
	variables, problems := read(environ, now)
	if readOnly {
		variables.DryRun = true
	}
	c := Config{Variables: variables}
	credentials, err := c.Credentials()
	if err != nil {
		problems = append(problems, err)
	}
	if c.ProfileName != "" {
		loaded, profileErr := profile.Load(c.ProfileName)
		if profileErr != nil {
			problems = append(problems, fmt.Errorf("DORMANT_PROFILE: %w", profileErr))
		} else {
			c.Profile = loaded
			problems = append(problems, c.profileProblems()...)
			if err == nil {
				problems = append(problems, credentials.Check(loaded)...)
			}
		}
	}
	return c, append(problems, c.fileProblems(now)...)
}
