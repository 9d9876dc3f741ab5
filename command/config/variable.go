package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Variable is one variable, as its field in Variables describes it.
type Variable struct {
	Name    string // with the prefix
	Default string // empty if there is none
	Help    string
	Group   string // the title above it, if a group begins with it

	field reflect.StructField
}

// All returns the variables in the order of Variables.
func All() []Variable {
	var all []Variable
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Variables]()) {
		all = append(all, Variable{
			Name: Prefix + f.Tag.Get("env"), Default: f.Tag.Get("envDefault"), Help: f.Tag.Get("help"), Group: f.Tag.Get("group"), field: f,
		})
	}
	return all
}

// Help lists the variables with their defaults, in groups: those that the command reads, or
// all if it is empty.
func Help(command string) string {
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, v := range All() {
		if command != "" && !v.isFor(command) {
			continue
		}
		if v.Group != "" && text.Len() > 0 {
			fmt.Fprintln(out)
		}
		if v.Group != "" {
			fmt.Fprintf(out, "%s:\n", v.Group)
			_ = out.Flush()
		}
		fmt.Fprintf(out, "  %s\t%s\t%s\n", v.Name, v.Default, v.Help)
	}
	_ = out.Flush()
	return text.String()
}

// isFor reports whether the command reads the variable.
func (v Variable) isFor(command string) bool {
	commands := strings.Fields(v.field.Tag.Get("for"))
	return len(commands) == 0 || slices.Contains(commands, command)
}

// accepted says in words which values the variable takes.
func (v Variable) accepted() string {
	tag := v.field.Tag
	if choices := tag.Get("oneof"); choices != "" {
		return strings.ReplaceAll(choices, ",", " or ")
	}
	switch v.field.Type {
	case reflect.TypeFor[Duration]():
		if least := v.least(); least >= day {
			return fmt.Sprintf("a span of time such as 90d or 12w, and no less than %s (m is minutes)", least)
		}
		return "a span of time such as 90d, 12w or 30s"
	case reflect.TypeFor[Date]():
		return "2024, 2024-01, 2024-01-31 or RFC 3339"
	case reflect.TypeFor[Paths]():
		return "a path, or several with commas between them"
	case reflect.TypeFor[Params]():
		return "name=value,name=value"
	}
	limits := "from " + cmp.Or(tag.Get("min"), "0")
	if tag.Get("zero") == "no" {
		limits = "above 0"
	}
	if most := tag.Get("max"); most != "" {
		limits += " up to " + most
	}
	switch v.field.Type.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number " + limits
	case reflect.Float64:
		return "a number " + limits
	default:
		return "text"
	}
}

const day = Duration(24 * time.Hour)

// least is the shortest span that the variable takes.
func (v Variable) least() Duration {
	var least Duration
	if text := v.field.Tag.Get("min"); text != "" {
		_ = least.UnmarshalText([]byte(text)) // the tests set every variable to too little
	}
	return least
}

// accepts reports whether a parsed value is within the variable's limits.
func (v Variable) accepts(value reflect.Value) bool {
	tag := v.field.Tag
	if span, ok := value.Interface().(Duration); ok {
		return span == 0 || span >= v.least()
	}
	least, _ := strconv.ParseFloat(cmp.Or(tag.Get("min"), "0"), 64)
	most, err := strconv.ParseFloat(tag.Get("max"), 64)
	unlimited := err != nil
	switch v.field.Type.Kind() {
	case reflect.Int:
		return float64(value.Int()) >= least && (unlimited || float64(value.Int()) <= most)
	case reflect.Float64:
		return value.Float() >= least && (unlimited || value.Float() <= most) // false for NaN
	case reflect.String:
		choices := tag.Get("oneof")
		return choices == "" || slices.Contains(strings.Split(choices, ","), value.String())
	default:
		return true
	}
}
