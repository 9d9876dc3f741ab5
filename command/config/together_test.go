package config

import (
	"testing"
	"time"
)

func TestDisableAfterIsBeforeInactiveSince(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	for second, wrong := range map[time.Duration]bool{0: false, time.Second: true} {
		v := Variables{DisableAfter: Duration(45 * 24 * time.Hour), InactiveSince: Date(now.AddDate(0, 0, -45).Add(-time.Second + second))}
		if problems := v.disableProblems(now); len(problems) > 0 != wrong {
			t.Errorf("%s before the first age: %v", time.Second-second, problems)
		}
	}
}
