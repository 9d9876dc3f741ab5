package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// WriteFile writes the metrics to a file for the node exporter's textfile collector, and
// replaces the metrics of the last run. The time of the last success is kept if this run
// did not succeed.
func (m *Metrics) WriteFile(path string) error {
	if at := lastSuccessIn(path); !m.succeeded && !at.IsZero() {
		setTime(m.registered(m.lastSuccess), at)
	}
	if err := prometheus.WriteToTextfile(path, m.exported()); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// exported returns the metrics to write or push. It leaves out the numbers of accounts if
// no run of this process has read the directory, so that those of an earlier process
// stay.
func (m *Metrics) exported() prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := m.reg.Gather()
		return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool {
			return !m.planned && f.GetName() == "dormant_last_run_users"
		}), err
	})
}

// lastSuccessIn reads the time of the last success from a file of metrics; zero if it has
// none or can't be read.
func lastSuccessIn(path string) time.Time {
	text, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if family := families["dormant_last_success_timestamp_seconds"]; err == nil && len(family.GetMetric()) > 0 {
		return time.UnixMilli(int64(1000 * family.GetMetric()[0].GetGauge().GetValue()))
	}
	return time.Time{}
}

// pushTimeout is how long a push to a Pushgateway may take.
const pushTimeout = 10 * time.Second

// Push adds the metrics to those that a Pushgateway has, so that the time of the last
// success stays there if this run did not succeed. It pushes even if ctx is done, because
// the metrics of an interrupted run are needed as well.
func (m *Metrics) Push(ctx context.Context, gateway string) error {
	p, err := newPusher(gateway)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushTimeout)
	defer cancel()
	if err := p.Gatherer(m.exported()).AddContext(ctx); err != nil {
		return fmt.Errorf("push metrics: %w", err)
	}
	return nil
}

// CheckGateway returns an error if Push can't use the URL. It sends nothing.
func CheckGateway(gateway string) error {
	_, err := newPusher(gateway)
	return err
}

// newPusher reads the URL of a Pushgateway, with or without a grouping key at its end:
// http://host:9091/metrics/job/dormant/instance/acme.
func newPusher(gateway string) (*push.Pusher, error) {
	u, err := url.Parse(gateway)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("is no URL: http://host:9091 or http://host:9091/metrics/job/NAME/instance/NAME is accepted")
	}
	before, key, grouped := strings.Cut(u.Path, "/metrics/job/")
	user := u.User
	u.Path, u.RawPath, u.User = before, "", nil // the pusher's errors show its URL
	if !grouped {
		return signedIn(push.New(u.String(), "dormant"), user), nil
	}
	parts := strings.Split(strings.Trim(key, "/"), "/")
	if len(parts)%2 == 0 || slices.Contains(parts, "") {
		return nil, errors.New("its grouping key is not complete: /metrics/job/NAME and pairs of label and value are accepted")
	}
	p := push.New(u.String(), parts[0])
	for pair := range slices.Chunk(parts[1:], 2) {
		p = p.Grouping(pair[0], pair[1])
	}
	if err := p.Error(); err != nil {
		return nil, err
	}
	return signedIn(p, user), nil
}

func signedIn(p *push.Pusher, user *url.Userinfo) *push.Pusher {
	if user == nil {
		return p
	}
	password, _ := user.Password()
	return p.BasicAuth(user.Username(), password)
}
