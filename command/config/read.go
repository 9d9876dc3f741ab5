package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// kubernetesService is what Kubernetes puts into the environment for a Service
// whose name begins with dormant.
var kubernetesService = regexp.MustCompile(`^DORMANT_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=|` +
	`^DORMANT_(\w+_)?PORT=\w+://`)

// emptyMeansDefault are the variables that may be set to nothing.
var emptyMeansDefault = []string{Prefix + "RATE_LIMIT", Prefix + "PAGE_SIZE"}

// read reads the variables from environ, and reports what is wrong with them: with
// each by itself, and with several together. Variables that could not be read are
// left out of the checks that would need them.
func read(environ []string, now time.Time) (Variables, []error) {
	given, problems := known(environ)
	var values Variables
	wrong, others := parse(given, &values)
	problems = append(problems, others...)
	for _, v := range All() {
		value := reflect.ValueOf(values).FieldByIndex(v.field.Index)
		zero := v.field.Tag.Get("zero") == "no" && given[v.Name] != "" && value.IsZero()
		if wrong[v.Name] = wrong[v.Name] || zero || !v.accepts(value); wrong[v.Name] {
			problems = append(problems, fmt.Errorf("%s=%q: %s is accepted", v.Name, given[v.Name], v.accepted()))
		}
	}
	readable := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return wrong[Prefix+name] })
	}
	if readable("INACTIVE_FOR", "INACTIVE_SINCE", "MIN_INACTIVE_FOR") {
		problems = append(problems, values.spanProblems(now)...)
		if readable("ACTION", "DISABLE_AFTER", "REQUIRE_DISABLED") {
			problems = append(problems, values.disableProblems(now)...)
		}
	}
	if readable("ACTION", "GRACE") {
		problems = append(problems, values.graceProblems()...)
	}
	return values, slices.Concat(problems,
		values.directoryProblems(), values.secretProblems(), values.syntaxProblems(), values.pathProblems())
}

// known returns the variables of environ that exist, by their names. Those with the
// prefix that do not, and those that are set to nothing, are problems.
func known(environ []string) (given map[string]string, problems []error) {
	all := map[string]bool{}
	for _, v := range All() {
		all[v.Name] = true
	}
	given = map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case !strings.HasPrefix(name, Prefix) || !all[name] && kubernetesService.MatchString(pair):
		case !all[name]:
			problems = append(problems, fmt.Errorf("%s: there is no such variable%s", name, Suggest(name, maps.Keys(all))))
		case value == "" && !slices.Contains(emptyMeansDefault, name):
			problems = append(problems, fmt.Errorf("%s: is set, but empty; remove it or give it a value", name))
		default:
			given[name] = value
		}
	}
	return given, problems
}

// parse sets the values, and returns the names of the variables whose value is not
// of their type, and what else went wrong.
func parse(given map[string]string, values *Variables) (wrong map[string]bool, problems []error) {
	wrong = map[string]bool{}
	err := env.ParseWithOptions(values, env.Options{Prefix: Prefix, Environment: given})
	var all env.AggregateError
	if !errors.As(err, &all) {
		return wrong, nil
	}
	for _, err := range all.Errors {
		var parse env.ParseError
		if !errors.As(err, &parse) {
			problems = append(problems, err)
			continue
		}
		for _, v := range All() {
			if v.field.Name == parse.Name {
				wrong[v.Name] = true
			}
		}
	}
	return wrong, problems
}
