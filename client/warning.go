package client

import (
	"slices"
	"sync"

	"dormant/job"
)

// warnings are what a client noticed that the operator should look at, each once.
type warnings struct {
	mu   sync.Mutex
	list []job.Warning
}

// Warnings returns what was noticed so far. It implements job.Warner.
func (c *Client) Warnings() []job.Warning {
	c.warnings.mu.Lock()
	defer c.warnings.mu.Unlock()
	return slices.Clone(c.warnings.list)
}

// warn notes w, unless something of the same kind about the same subject is noted already.
func (c *Client) warn(w job.Warning) {
	c.warnings.mu.Lock()
	defer c.warnings.mu.Unlock()
	same := func(noted job.Warning) bool { return noted.Code == w.Code && noted.Subject == w.Subject }
	if !slices.ContainsFunc(c.warnings.list, same) {
		c.warnings.list = append(c.warnings.list, w)
	}
}
