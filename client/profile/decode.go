package profile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// decode reads one YAML document. A key that is unknown or given twice is an
// error, and so is a second document, which would be ignored.
func decode(source []byte, into any) error {
	file, err := parse(source)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalWithOptions(source, into, yaml.Strict()); err != nil {
		return explain(source, err)
	}
	if len(file.Docs) > 1 {
		return fmt.Errorf("line %d: there is a second document", file.Docs[1].Start.Position.Line)
	}
	return nil
}

// decodeTextOrObject is for a key with a short form, a text, and a long one, which
// has keys of its own. It decodes lists into the long form as well, so that the
// error says what is needed.
func decodeTextOrObject(decode func(any) error, text *string, object any) error {
	var value any
	if err := decode(&value); err != nil {
		return err
	}
	switch value.(type) {
	case []any, map[string]any:
		return decode(object)
	}
	return decode(text)
}

// decodePathsOrObject is for a key whose short form is a path or a list of paths.
func decodePathsOrObject(decode func(any) error, paths *Paths, object any) error {
	var value any
	if err := decode(&value); err != nil {
		return err
	}
	if _, ok := value.(map[string]any); ok {
		return decode(object)
	}
	return decode(paths)
}

// decodeOneOrMany decodes a list, or a single value as a list of one.
func decodeOneOrMany[T any](decode func(any) error, list *[]T) error {
	var value any
	if err := decode(&value); err != nil {
		return err
	}
	if _, ok := value.([]any); ok {
		return decode(list)
	}
	*list = make([]T, 1)
	return decode(&(*list)[0])
}

// explanations replace messages of the YAML library with what the author of a
// profile has to write.
var explanations = []struct {
	message *regexp.Regexp
	text    string
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

// explain turns an error of the YAML library into one for the author of the
// profile: the line, what is needed there, and what the line says.
func explain(source []byte, err error) error {
	formatted := yaml.FormatError(err, false, false)
	parts := regexp.MustCompile(`(?s)^\[(\d+):\d+\] (.*)$`).FindStringSubmatch(formatted)
	if parts == nil {
		return errors.New(formatted)
	}
	number, message := parts[1], parts[2]
	for _, e := range explanations {
		if e.message.MatchString(message) {
			message = e.message.ReplaceAllString(message, e.text)
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
