package profile

// Some values of a profile can be written in a short form or in a long one.

// either decodes text into short, and everything else into long.
func either(decode func(any) error, short *string, long any) error {
	var value any
	if err := decode(&value); err != nil {
		return err
	}
	switch value.(type) {
	case []any, map[string]any:
		return decode(long)
	}
	return decode(short)
}

// several decodes a list, or one value as a list of one.
func several[T any](decode func(any) error, list *[]T) error {
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
