package profile

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rs/zerolog"
)

func TestSecret(t *testing.T) {
	const text = "hunter2"
	s := Secret(text)
	type settings struct {
		Token   Secret
		Pointer *Secret
		List    []Secret
		Map     map[string]Secret
		Any     any
	}
	all := settings{s, &s, []Secret{s}, map[string]Secret{"a": s}, s}
	values := Values{Token: s, Password: s, ClientSecret: s}
	var log strings.Builder
	logger := zerolog.New(&log)
	logger.Info().Any("a", all).Interface("b", values).Stringer("c", s).Any("d", s).Any("e", struct{ Values Values }{values}).
		Str("f", fmt.Sprint(s)).Err(fmt.Errorf("bad %s", s)).Send()
	shown := []string{log.String(), s.String(), string(must(json.Marshal(all))), string(must(json.Marshal(values))),
		string(must(yaml.Marshal(all))), fmt.Sprint(s), fmt.Sprintln(all, values), fmt.Errorf("%w: %v", os.ErrInvalid, s).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%10.3s", "%T", "%!"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, all), fmt.Sprintf(verb, values), fmt.Sprintf(verb, &all), fmt.Sprintf(verb, []any{s}))
	}
	for _, text := range shown {
		if strings.Contains(text, "hunter") || strings.Contains(strings.ToLower(strings.ReplaceAll(text, " ", "")), "68756e") {
			t.Errorf("the secret shows in %s", text)
		}
	}
	if string(s) != text || Secret("").String() != "" || fmt.Sprint(s) != "***" {
		t.Error("the text itself is lost, or nothing looks like something")
	}
}
