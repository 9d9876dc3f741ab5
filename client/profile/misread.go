package profile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// misreadings are what the YAML library says, in words that help whoever writes a
// profile.
var misreadings = []struct {
	said *regexp.Regexp
	want string
}{
	{regexp.MustCompile(`^unknown field ("[^"]*")$`), "there is no key $1 here; the guide to profiles lists all keys"},
	{regexp.MustCompile(`^cannot unmarshal .* of type (int|uint64|float64)$`), "a whole number is needed"},
	{regexp.MustCompile(`^cannot unmarshal .* of type bool$`), "true or false is needed"},
	{regexp.MustCompile(`^cannot unmarshal .* of type (string|profile\.Template)$`), `text is needed; in quotes, if it begins with a brace: "{token}"`},
	{regexp.MustCompile(`^cannot unmarshal .*$`), "something else is needed; the guide to profiles says what"},
	{regexp.MustCompile(`^.* was used where sequence is expected$`), "a list is needed: [a, b]"},
	{regexp.MustCompile(`^.* was used where mapping is expected$`), "keys with values are needed"},
	{regexp.MustCompile(`^found character '\t' .*$`), "a tab; YAML wants spaces"},
	{regexp.MustCompile(`^('.') is a reserved character$`), "a text that begins with $1 needs quotes"},
}

// misread is an error of the YAML library as one of the profile's author.
func misread(source []byte, err error) error {
	said := yaml.FormatError(err, false, false)
	at := regexp.MustCompile(`(?s)^\[(\d+):\d+\] (.*)$`).FindStringSubmatch(said)
	if at == nil {
		return errors.New(said)
	}
	number, message := at[1], at[2]
	for _, m := range misreadings {
		if m.said.MatchString(message) {
			message = m.said.ReplaceAllString(message, m.want)
			break
		}
	}
	lines := strings.Split(string(source), "\n")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(lines) {
		return fmt.Errorf("line %s: %s", number, message)
	}
	return fmt.Errorf("line %d: %s: %.80q", n, message, strings.TrimSpace(lines[n-1]))
}
